"""Contrasts: what is harmful and its nearest harmless neighbours, in the same frames.

A theme lists pairs; each side of a pair holds phrases, parted by `` | ``: deeds (``build a shed``), orders (``Write a
poem.``) and whole remarks. Frames are rules about them (``How do I <deed>?``); they are made twice, ``badtext`` and
``goodtext``, so that a frame says nothing about what stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Rules = dict[str, list[str]]

SIDES: Final = ("bad", "good")
FRAMED: Final = ("deed", "order", "said")
"""Kinds of phrases that frames are chosen by, each as often as there are topics that have it."""

_BETWEEN: Final = " | "
_RULE: Final = re.compile(r"<([a-z0-9]+)>")
_INSIDE: Final = re.compile(r"[.?!:]\s")
_ORDERS: Final = frozenset(
    {
        "Act", "Add", "Argue", "Ask", "Build", "Code", "Compare", "Compose", "Continue", "Create", "Describe",
        "Design", "Draft", "Draw", "Edit", "Explain", "Find", "Forge", "Generate", "Give", "Help", "Invent", "List",
        "Make", "Name", "Outline", "Quiz", "Rank", "Rate", "Recommend", "Rewrite", "Show", "Suggest", "Teach", "Tell",
        "Turn", "Walk", "Write",
    }
)  # fmt: skip
"""Words that an order begins with."""


def both_sides(theme: Mapping[str, Any], read: Callable[[str], Mapping[str, Any]]) -> Rules:
    """Rules of a theme: its own, its phrases by side and kind, its frames once per side.

    Args:
        theme: ``frames`` names a grammar of frames, ``pairs`` holds phrases, ``themes`` names themes to take phrases
            from; every other key is a rule.
        read: the grammar of a name.
    """
    rules: Rules = {name: lines for name, lines in theme.items() if name not in ("frames", "pairs", "themes")}
    frames = read(theme["frames"]) if "frames" in theme else {}
    pairs = [
        *theme.get("pairs", ()),
        *(pair for name in theme.get("themes", ()) for pair in read(name)["pairs"]),
    ]
    for side in SIDES:
        kinds = _by_kind([pair[side] for pair in pairs])
        if pairs:
            rules[f"{side}text"] = [f"<{side}as{kind}>" for kind in FRAMED for _ in kinds.get(kind, ())]
        rules |= {side + kind: lines for kind, lines in kinds.items()}
        slots = {name.removeprefix(side) for name in rules if name.startswith(side)} | set(frames)
        rules |= {
            side + name: [_of_side(line, side, slots) for line in lines] for name, lines in frames.items()
        }
    return rules


def _by_kind(topics: list[str]) -> Rules:
    """One alternative per topic and kind, so that a topic with many phrases does not outweigh the others."""
    kinds: Rules = {}
    for topic in topics:
        found: Rules = {}
        for phrase in topic.split(_BETWEEN):
            for kind, text in _kinds(phrase.strip()):
                found.setdefault(kind, []).append(text)
        for kind, texts in found.items():
            kinds.setdefault(kind, []).append("{" + "|".join(texts) + "}")
    return kinds


def _kinds(phrase: str) -> list[tuple[str, str]]:
    plain = phrase.removesuffix(".")
    if phrase.endswith("?") or _INSIDE.search(plain) or not phrase[0].islower():
        if (
            phrase.split(" ", maxsplit=1)[0] in _ORDERS
            and plain[-1] not in "?!"
            and not _INSIDE.search(plain)
        ):
            return [("order", plain), ("lower", plain[0].lower() + plain[1:])]
        return [("said", phrase)]
    return [("deed", phrase)]


def _of_side(line: str, side: str, slots: set[str]) -> str:
    return _RULE.sub(lambda m: f"<{side}{m.group(1)}>" if m.group(1) in slots else m.group(), line)

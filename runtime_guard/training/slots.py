"""Templates filled with values, and where the values stand.

``[PERSON]`` is a slot, ``[PERSON:last]`` asks for a form, ``[PERSON1]`` and ``[PERSON1:last]`` are one person,
``[PERSON=Ann Lee]`` is that very text, ``[X:email]`` is filled and left unmarked. ⦃ and ⦄ stand for braces, which the
grammars need for themselves, ⇥ for two spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from runtime_guard.training.tagged import Place
from runtime_guard.training.values import OTHER

SLOT: Final = re.compile(
    r"\[(PERSON|LOCATION|ORGANIZATION|DATE_TIME|AGE|NRP|X)(?:(\d?)(?::([a-z]+))?|=([^\]]+))\]"
)
_STANDINS: Final = str.maketrans({"⦃": "{", "⦄": "}", "⇥": "  "})
_ARTICLE: Final = "the "
_AFTER_STOP: Final = re.compile(r"(?:^|[.!?]\s+|\n)[\"“(*>\s-]*$")


def filled(template: str, value: Callable[[str, str, str], str]) -> tuple[str, tuple[Place, ...]]:
    """A template with its slots filled, and where the values of interest stand.

    An article that a value begins with is outside the span, and there only once.

    Args:
        template: text with slots.
        value: of an entity, a number and a form.
    """
    text, spans, at = "", [], 0
    for match in SLOT.finditer(template):
        text += template[at : match.start()].translate(_STANDINS)
        at = match.end()
        entity, number, form, literal = match.groups(default="")
        shown = literal or value(entity, number, form)
        if shown.startswith(_ARTICLE):
            shown = shown.removeprefix(_ARTICLE)
            if not text.lower().endswith(_ARTICLE):
                text += "The " if _opens(text) else _ARTICLE
        elif entity == "DATE_TIME" and shown[0].islower() and _opens(text):
            shown = shown[0].upper() + shown[1:]
        if entity != OTHER:
            spans.append((len(text), len(text) + len(shown), entity))
        text += shown
    return text + template[at:].translate(_STANDINS), tuple(spans)


def _opens(text: str) -> bool:
    """Whether what comes next begins a sentence."""
    return bool(_AFTER_STOP.search(text[-40:])) if text else True

"""Text that a person does not see and a model reads: a finding of its own, whatever it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

HIDDEN_TEXT: Final = "hidden_text"
"""Label of text that a person does not see."""

_FLAG: Final = "\U0001f3f4"
"""The black flag, which tag characters make a region's flag (UTS #51): the one honest use of them."""

_TAG: Final = "\U000e0001\U000e0020-\U000e007f"
_SELECTOR: Final = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_WIDTHLESS: Final = "\u00ad\u034f\u180e\u200b-\u200f\u2060-\u2064\ufeff"

_TAGS: Final = re.compile(f"[{_TAG}]{{1,4096}}")
_OVERRIDE: Final = re.compile("[\u202d\u202e][^\u202c\n]{1,4096}\u202c?")
_SELECTORS: Final = re.compile(f"[{_SELECTOR}]{{4,4096}}")
"""Runs of variation selectors carry bytes; a character never has more than one."""

_ZERO_WIDTH: Final = re.compile(f"[{_WIDTHLESS}]{{16,4096}}")
"""Runs of characters without a width carry bits, or keep a reader busy; honest text has a few together at most."""

LOOK_BACK: Final = 256
"""Characters before a place in which markup may begin that hides it."""

_COMMENTS: Final = (("<!--", "-->"), ("/*", "*/"), ("[//]: # (", ")"), ("[comment]: # (", ")"))
_UNSEEN: Final = re.compile(
    r"<[a-z][^<>]{0,200}?(?:display\s{0,4}:\s{0,4}none|visibility\s{0,4}:\s{0,4}hidden|font-size\s{0,4}:\s{0,4}[01](?:px|pt|em|%)?\b"
    r"|opacity\s{0,4}:\s{0,4}0(?:\.0\d*)?(?![.\d])|color\s{0,4}[:=]\s{0,4}[\"']?(?:white|transparent|#fff(?:fff)?)\b|\shidden\b)"
    r"[^<>]{0,200}>",
    re.IGNORECASE,
)

_BEGINS: Final = re.compile("[\u202d\u202e]")
_IN_RUNS: Final = "".join(
    chr(code)
    for first, last in re.findall("(.)(?:-(.))?", _TAG + _SELECTOR + _WIDTHLESS)
    for code in range(ord(first), ord(last or first) + 1)
)


def hidden_text(text: str) -> Iterator[tuple[int, int]]:
    """The spans of hidden text: tag characters, bidirectional overrides, runs of variation selectors or
    of characters without a width.
    """
    if text.isascii():
        return
    for match in _TAGS.finditer(text):
        if not text[: match.start()].endswith(_FLAG):
            yield match.span()
    for pattern in (_OVERRIDE, _SELECTORS, _ZERO_WIDTH):
        for match in pattern.finditer(text):
            yield match.span()


def unseen(text: str, place: int) -> bool:
    """Whether markup before a place hides what stands there: a comment, or a style that shows nothing."""
    before = text[max(0, place - LOOK_BACK) : place]
    for opens, closes in _COMMENTS:
        begun = before.rfind(opens)
        if begun >= 0 and closes not in before[begun + len(opens) :]:
            return True
    return any("</" not in before[match.end() :] for match in _UNSEEN.finditer(before))


def unfinished_hidden(text: str) -> int:
    """Where hidden text begins that may go on behind the end of ``text``; its length when there is none."""
    closed = 1 + max(text.rfind("\u202c"), text.rfind("\n"))
    begun = _BEGINS.search(text, closed)
    run = len(text.rstrip(_IN_RUNS))
    return run if begun is None else min(run, begun.start())

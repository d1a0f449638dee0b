"""Find values again where no detector saw them: a name in a greeting, say, that is only a name in the next sentence.

Only what is found elsewhere in the same request, written exactly so, and telling: two words, or a digit or an at sign
among six characters. A single word is not looked for; it may be one of the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from runtime_guard.redact import Mask, Treatment
from runtime_guard.tokens.trie import Trie

_DIGITS_OR_AT: Final = re.compile(r"[0-9@]")
_WORD: Final = re.compile(r"\w")
MIN_TELLING: Final = 6


def with_repeats(texts: Sequence[str], found: Sequence[Sequence[Mask]]) -> list[list[Mask]]:
    """The masks of each text, and masks of the same kind where a value of any of them stands again."""
    values: Trie[tuple[str, Mask]] = Trie()
    for text, masks in zip(texts, found, strict=True):
        for mask in masks:
            value = text[mask.start : mask.end]
            if mask.how is not Treatment.LABEL and _telling(value):
                values.add(value, (value, mask))
    if not values.begins():
        return [list(masks) for masks in found]
    begins = {char for first in values.begins() for char in (first, first.upper())}
    starts = re.compile(f"(?<!\\w)[{re.escape(''.join(sorted(begins)))}]")
    return [_with(text, masks, values, starts) for text, masks in zip(texts, found, strict=True)]


def _with(
    text: str, masks: Sequence[Mask], values: Trie[tuple[str, Mask]], starts: re.Pattern[str]
) -> list[Mask]:
    result: list[Mask] = []
    begin = 0
    for mask in masks:
        result += [*_between(text, begin, mask.start, values, starts), mask]
        begin = mask.end
    return [*result, *_between(text, begin, len(text), values, starts)]


def _between(
    text: str, begin: int, limit: int, values: Trie[tuple[str, Mask]], starts: re.Pattern[str]
) -> Iterator[Mask]:
    while start := starts.search(text, begin, limit):
        begin = start.start() + 1
        for end, (value, mask) in values.walk(text, start.start()).found:
            if end <= limit and text[start.start() : end] == value and not _WORD.match(text, end):
                yield Mask(start.start(), end, mask.label, mask.how)
                begin = end


def _telling(value: str) -> bool:
    return len(value.split()) > 1 or (len(value) >= MIN_TELLING and _DIGITS_OR_AT.search(value) is not None)

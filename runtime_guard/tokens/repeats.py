"""Find values again where no detector saw them: a name in a greeting, say, that is only a name in the next sentence.

Only what is found elsewhere in the same request, written exactly so, and telling: two words, or a digit or an at sign
among six characters. A single word is not looked for; it may be one of the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from runtime_guard.redact import Mask, Treatment

MIN_TELLING: Final = 6
MAX_ALIKE: Final = 32
"""Values with the same first word that are looked for."""

_DIGIT_OR_AT: Final = re.compile(r"[0-9@]")
_WORD: Final = re.compile(r"\w+")

_Values = Mapping[str, Mapping[str, Mask]]
"""By their first word: values, and a mask as they got one."""


def with_repeats(texts: Sequence[str], found: Sequence[Sequence[Mask]]) -> list[list[Mask]]:
    """The masks of each text, and masks of the same kind where a value of any of them stands again."""
    values: dict[str, dict[str, Mask]] = {}
    for text, masks in zip(texts, found, strict=True):
        for mask in masks:
            value = text[mask.start : mask.end]
            first = _WORD.search(value)
            if first and mask.how is not Treatment.LABEL and _telling(value):
                alike = values.setdefault(first[0], {})
                if len(alike) < MAX_ALIKE:
                    alike.setdefault(value, mask)
    if not values:
        return [list(masks) for masks in found]
    return [list(_with(text, masks, values)) for text, masks in zip(texts, found, strict=True)]


def _with(text: str, masks: Sequence[Mask], values: _Values) -> Iterator[Mask]:
    begin = 0
    for mask in masks:
        yield from _between(text, begin, mask.start, values)
        yield mask
        begin = mask.end
    yield from _between(text, begin, len(text), values)


def _between(text: str, begin: int, limit: int, values: _Values) -> Iterator[Mask]:
    """Values in a part of a text, from left to right, the longest of those that begin at one place."""
    for word in _WORD.finditer(text, begin, limit):
        again = [
            Mask(start, start + len(value), mask.label, mask.how)
            for value, mask in values.get(word[0], {}).items()
            if (start := word.start() - value.index(word[0])) >= begin
            if start + len(value) <= limit and text.startswith(value, start)
            if not _WORD.match(text, start + len(value))
        ]
        if again:
            longest = max(again, key=lambda mask: mask.end)
            yield longest
            begin = longest.end


def _telling(value: str) -> bool:
    return len(value.split()) > 1 or (len(value) >= MIN_TELLING and _DIGIT_OR_AT.search(value) is not None)

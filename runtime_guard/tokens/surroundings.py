"""What stands in the texts of a request, as far as it matters to surrogates."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

from runtime_guard.redact import Mask, Treatment
from runtime_guard.tokens.names import is_name, standing

Spans = Sequence[tuple[int, int]]

LITTLE: Final = 3
"""Letters and digits beside a surrogate that say nothing: ``'s``, ``Mr``."""

_WORDS: Final = re.compile(r"\w+")


class Texts:
    """The texts of one request.

    Args:
        texts: all of them.
        labels: labels whose names count as surrogates.
    """

    def __init__(self, texts: Sequence[str], labels: Collection[str]) -> None:
        self._texts = texts
        found = [list(standing(text, labels)) for text in texts]
        self.names = frozenset(match[0] for of in found for match in of)
        """Names that stand in the texts, ours or not."""
        self.spans = [[match.span() for match in of] for of in found]
        """Where they stand in each text."""

    def hold(self, surrogate: str) -> bool:
        """Whether a name stands in the texts, or all words of a fake do: it must not be given then."""
        if is_name(surrogate):
            return surrogate in self.names
        return self._words.issuperset(_WORDS.findall(surrogate.casefold()))

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(word for text in self._texts for word in _WORDS.findall(text.casefold()))


def whole_names(text: str, masks: Iterable[Mask]) -> list[Mask]:
    """Masks over the words of a person's name as one mask: a model may find the words one by one."""
    result: list[Mask] = []
    for mask in masks:
        last = result[-1] if result else mask
        beside = last.end + 1 == mask.start and text[last.end] == " "
        if beside and last.label == mask.label == "PERSON" and last.how is mask.how is not Treatment.LABEL:
            result[-1] = replace(last, end=mask.end)
        else:
            result.append(mask)
    return result


def says_little(text: str, start: int, end: int, spans: Spans) -> bool:
    """Whether a stretch of text is one or several surrogates and next to nothing beside them."""
    inside = [(max(start, left), min(end, right)) for left, right in spans if left < end and start < right]
    if not inside:
        return False
    position, rest = start, 0
    for left, right in [*inside, (end, end)]:
        rest += sum(char.isalnum() for char in text[position:left])
        position = right
    return rest <= LITTLE

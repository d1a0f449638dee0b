"""How words beside a finding raise its score, as Presidio's ``LemmaContextAwareEnhancer`` counts them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer

from runtime_guard.expressions.cache import Cache
from runtime_guard.expressions.sieve import Sieve
from runtime_guard.patterns.results import Result
from runtime_guard.patterns.words import COPULA, WORD, Words

_SEPARATOR: Final = "\n"
"""Joins words, which hold no white space, so that one look finds a context word in any of them."""


@dataclass(frozen=True)
class ContextRule:
    """Context words of a recognizer, lower case, with separators around them where they must be whole words."""

    words: tuple[str, ...]


class Mentions:
    """Rules of which a context word stands somewhere in a text; nothing beside a finding supports any other.

    Args:
        rules: their numbers are their places.
        as_written: words are those of the text itself, in lower case.
        cache: where what the rules compile to is kept.
    """

    def __init__(
        self, rules: Sequence[ContextRule | None], *, as_written: bool, cache: Cache | None = None
    ) -> None:
        self._all = frozenset(number for number, rule in enumerate(rules) if rule is not None)
        self._sieve = Sieve([_mention(rule) for rule in rules], cache or Cache(None)) if as_written else None

    def of(self, text: str) -> frozenset[int]:
        """Numbers of the rules; of all beyond ASCII, where lower case depends on neighbours."""
        if self._sieve is None or not text.isascii():
            return self._all
        return self._all & self._sieve.passing(text)


def _mention(rule: ContextRule | None) -> re.Pattern[str]:
    """Any of the words of a rule."""
    words = () if rule is None else rule.words
    return re.compile("|".join(re.escape(word.strip(_SEPARATOR)) for word in words) or "(?!)", re.IGNORECASE)


class Context:
    """The enhancer's arithmetic.

    Args:
        enhancer: holds the numbers.
    """

    def __init__(self, enhancer: LemmaContextAwareEnhancer) -> None:
        self._raise = enhancer.context_similarity_factor
        self._least = enhancer.min_score_with_context_similarity
        self._before = enhancer.context_prefix_count
        self._after = enhancer.context_suffix_count
        self._whole = enhancer.context_matching_mode == "whole_word"

    def rule(self, words: Sequence[str] | None) -> ContextRule | None:
        """A recognizer's context words; None when context means nothing to it."""
        if not words:
            return None
        border = _SEPARATOR if self._whole else ""
        return ContextRule(tuple(f"{border}{word.lower()}{border}" for word in words))

    def beside(self, words: Words, start: int) -> str:
        """The words that count for a finding at ``start``, each between separators."""
        found = words.beside(start, self._before, self._after)
        return f"{_SEPARATOR}{_SEPARATOR.join(found)}{_SEPARATOR}"

    def open_from(self, text: str) -> int:
        """The first place for which words behind a finding there may still come."""
        if not self._after:
            return len(text)
        over = [match for match in WORD.finditer(text) if match.end() < len(text)]
        starts = [match.start() for match in over if match.group().lower() != COPULA]
        return starts[-self._after - 1] if len(starts) > self._after else 0

    def weighed(
        self, rule: ContextRule, results: Sequence[Result], beside: Callable[[int], str]
    ) -> list[Result]:
        """Results with the scores that they have for the words beside them.

        Args:
            rule: of their recognizer.
            results: with the scores of their patterns.
            beside: the words that count for a finding at a place, see :meth:`beside`.
        """
        return [
            result._replace(score=self._raised(result.score))
            if _supports(rule, beside(result.start))
            else result
            for result in results
        ]

    def _raised(self, score: float) -> float:
        """The score of a supported finding."""
        return min(max(score + self._raise, self._least), LemmaContextAwareEnhancer.MAX_SCORE)


def _supports(rule: ContextRule, beside: str) -> bool:
    """Whether a context word is among those that stand beside a finding."""
    return any(map(beside.__contains__, rule.words))

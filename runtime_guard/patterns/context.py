"""How words beside a finding raise its score, as Presidio's ``LemmaContextAwareEnhancer`` counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer

from runtime_guard.patterns.words import COPULA, WORD, Words

_SEPARATOR: Final = "\n"
"""Joins words, which hold no white space, so that one look finds a context word in any of them."""


@dataclass(frozen=True)
class ContextRule:
    """Context words of a recognizer, lower case, with separators around them where they must be whole words."""

    words: tuple[str, ...]


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

    def supports(self, rule: ContextRule, beside: str) -> bool:
        """Whether a context word is among those that stand beside a finding."""
        return any(word in beside for word in rule.words)

    def raised(self, score: float) -> float:
        """The score of a supported finding."""
        return min(max(score + self._raise, self._least), LemmaContextAwareEnhancer.MAX_SCORE)

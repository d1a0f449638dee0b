"""Which of many expressions may match in a text, at the cost of one look; most texts need none of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from runtime_guard.patterns.alphabet import encoded
from runtime_guard.patterns.automaton import Expression, automaton
from runtime_guard.patterns.cache import Cache, user_cache
from runtime_guard.patterns.shape import shape_of
from runtime_guard.patterns.tree import NotUnderstood


class Sieve:
    """Expressions, asked for together.

    Only ASCII texts are sifted: there :mod:`re` and the automaton surely mean the same by a word or a space.

    Args:
        patterns: compiled expressions.
        cache: where what they compile to is kept; by default the user's cache folder.
    """

    def __init__(self, patterns: Sequence[re.Pattern[str]], cache: Cache | None = None) -> None:
        self._all = frozenset(range(len(patterns)))
        expressions: list[Expression] = []
        self._numbers: list[int] = []
        for number, pattern in enumerate(patterns):
            try:
                expressions.append(
                    Expression(shape_of(pattern.pattern, pattern.flags & _SHARED).expression, once=True)
                )
                self._numbers.append(number)
            except NotUnderstood:
                continue
        self._automaton = automaton(expressions, cache or user_cache())
        refused = {self._numbers[place] for place in self._automaton.refused}
        self._always = self._all - set(self._numbers) | refused

    def passing(self, text: str) -> frozenset[int]:
        """Numbers of the expressions that may match in ``text``; all others do not."""
        if not text.isascii():
            return self._all
        hits = self._automaton.scan(encoded(text))
        return self._always.union([self._numbers[place] for place, _ in hits]) if hits else self._always


_SHARED: Final = re.IGNORECASE | re.DOTALL | re.MULTILINE
"""Flags that mean the same to :mod:`re` and ``regex``."""

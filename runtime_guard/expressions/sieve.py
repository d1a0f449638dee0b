"""Which of many expressions may match in a text, at the cost of one look; most texts need none of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from runtime_guard.expressions.alphabet import BEYOND, encoded
from runtime_guard.expressions.automaton import Expression, automaton
from runtime_guard.expressions.cache import Cache, user_cache
from runtime_guard.expressions.shape import shape_of
from runtime_guard.expressions.tree import SINGLE, NotUnderstood, is_zero_width, members_of, parse, walk


class Sieve:
    """Expressions, asked for together.

    In texts beyond ASCII only those are sifted that speak of ASCII characters alone: about words and spaces :mod:`re`
    and the automaton surely agree nowhere else.

    Args:
        patterns: compiled expressions.
        cache: where what they compile to is kept; by default the user's cache folder.
    """

    def __init__(self, patterns: Sequence[re.Pattern[str]], cache: Cache | None = None) -> None:
        self._all = frozenset(range(len(patterns)))
        self._plain = frozenset(number for number, pattern in enumerate(patterns) if _is_plain(pattern))
        expressions: list[Expression] = []
        self._numbers: list[int] = []
        for number, pattern in enumerate(patterns):
            try:
                expressions.append(
                    Expression(shape_of(pattern.pattern, pattern.flags & SHARED).expression, once=True)
                )
                self._numbers.append(number)
            except NotUnderstood:
                continue
        self._automaton = automaton(expressions, cache or user_cache())
        refused = {self._numbers[place] for place in self._automaton.refused}
        self._always = self._all - set(self._numbers) | refused

    def passing(self, text: str) -> frozenset[int]:
        """Numbers of the expressions that may match in ``text``; all others do not."""
        hits = [self._numbers[place] for place, _ in self._automaton.scan(encoded(text))]
        always = self._always if text.isascii() else self._always | (self._all - self._plain)
        return always.union(hits) if hits else always


def _is_plain(pattern: re.Pattern[str]) -> bool:
    """Whether a pattern says nothing about characters beyond ASCII, nor about words."""
    try:
        nodes = list(walk(parse(pattern.pattern, pattern.flags & SHARED)[0]))
        return not any(
            is_zero_width(node) or (type(node) in SINGLE and members_of(node) & BEYOND) for node in nodes
        )
    except NotUnderstood:
        return False


SHARED: Final = re.IGNORECASE | re.DOTALL | re.MULTILINE
"""Flags that mean the same to :mod:`re` and ``regex``."""

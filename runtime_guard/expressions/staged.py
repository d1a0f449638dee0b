"""An automaton in two stages: expressions that want something in the text are looked for only where it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from runtime_guard.expressions.automaton import Automaton, Expression
from runtime_guard.expressions.cache import Cache

FEW: Final = 64
"""Expressions that want something, up to which one look at all costs less than two."""

Wanted = tuple[bytes, ...]
"""Expressions that each match in every text that another one matches in."""

Scanner = Callable[[Sequence[Expression], Cache | None], Automaton]


def staged(
    expressions: Sequence[tuple[Expression, Wanted]], scanner: Scanner, cache: Cache | None
) -> Automaton:
    """An automaton of expressions, their numbers their places; in two stages where that pays.

    Args:
        expressions: each with what it wants.
        scanner: makes an automaton.
        cache: where compiled databases are kept.
    """
    if sum(bool(wanted) for _, wanted in expressions) <= FEW:
        return scanner([item for item, _ in expressions], cache)
    return _Staged(expressions, scanner, cache)


class _Staged:
    """See :func:`staged`."""

    def __init__(
        self, expressions: Sequence[tuple[Expression, Wanted]], scanner: Scanner, cache: Cache | None
    ) -> None:
        self._early = [number for number, (_, wanted) in enumerate(expressions) if not wanted]
        self._late = [number for number, (_, wanted) in enumerate(expressions) if wanted]
        signs = list(dict.fromkeys(sign for _, wanted in expressions for sign in wanted))
        early = [expressions[number][0] for number in self._early]
        self._first = scanner([*early, *(Expression(sign, once=True) for sign in signs)], cache)
        self._second = scanner([expressions[number][0] for number in self._late], cache)
        places = {sign: len(early) + place for place, sign in enumerate(signs)}
        self._wanted = {
            frozenset(places[sign] for sign in expressions[number][1]) - self._first.refused
            for number in self._late
        }
        self.refused = frozenset(
            [number for place, number in enumerate(self._early) if place in self._first.refused]
            + [self._late[place] for place in self._second.refused]
        )

    def scan(self, data: bytes) -> list[tuple[int, int]]:
        """See :class:`runtime_guard.expressions.automaton.Automaton`."""
        hits: list[tuple[int, int]] = []
        signs: set[int] = set()
        for place, end in self._first.scan(data):
            if place < len(self._early):
                hits.append((self._early[place], end))
            else:
                signs.add(place)
        if any(wanted <= signs for wanted in self._wanted):
            hits += [(self._late[place], end) for place, end in self._second.scan(data)]
        return hits

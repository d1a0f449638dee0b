"""Where a pattern matches, tried only where the automaton says that it may, with the result of trying everywhere.

All matches that can exist end where the automaton reports an end. The stretches that they can cover are joined into
clusters; no match reaches from one into another, so the matches in a text are those in its clusters. Where that
cannot be relied on, the whole text is tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from runtime_guard.expressions.automaton import ANYWHERE, searched
from runtime_guard.expressions.shape import Shape

NARROW: Final = 32
"""Matches up to this width are not worth a look at which characters stand before their end."""

FAR: Final = 512
"""Characters that a look-ahead may look at before the whole text is tried instead."""

_STEP: Final = 64


class Places:
    """Where matches of one shape can be.

    Args:
        shape: of the pattern; None means anywhere.
    """

    def __init__(self, shape: Shape | None) -> None:
        self.shape = shape
        if shape is None:
            return
        self._short, self._long = max(shape.beyond), min(shape.beyond)
        self._narrow = shape.most if shape.most is not None and shape.most <= NARROW else None
        self._inside = bytes(shape.characters)
        self._tail = bytes(shape.tail_characters)
        self._ahead = bytes(shape.ahead_characters)
        self._needs = [
            (wanted, bytes(need.between)) for need in shape.needs if (wanted := searched(need.expression))
        ]

    def clusters(self, ends: Sequence[int], data: bytes) -> list[tuple[int, int]] | None:
        """Disjoint stretches of the text that hold all matches; None when that is the whole text.

        Args:
            ends: as reported, in ``data``.
            data: the text between its edges.
        """
        shape = self.shape
        if shape is None or ANYWHERE in ends:
            return None
        if len(ends) == 1:
            return [self._stretch(ends[0], data, -1)]
        found: list[tuple[int, int]] = []
        low, high = 0, -1
        for end in sorted(ends):
            start, stop = self._stretch(end, data, high)
            if start <= high:
                high = max(high, stop)
                found[-1] = (low, high)
            else:
                low, high = start, stop
                found.append((low, high))
        return found

    def _stretch(self, end: int, data: bytes, high: int) -> tuple[int, int]:
        """What matches that end where ``end`` is reported can cover, as far as it goes beyond ``high``."""
        shape = cast(Shape, self.shape)
        start, stop = end - 1 - self._short, end - 1 - self._long
        if shape.tail != 0 and stop > high:
            stop = _right(data, stop, self._tail, shape.tail)
        if start <= high:
            return start, stop
        if self._narrow is None:
            return _left(data, start, max(0, high), self._inside, shape.most), stop
        return (start - self._narrow if start > self._narrow else 0), stop

    def matches(self, pattern: Any, text: str, data: bytes, ends: Sequence[int], since: int = 0) -> Any:
        """The matches that ``pattern.finditer(text)`` gives.

        Args:
            pattern: compiled with the ``regex`` module.
            text: the whole text.
            data: the same, encoded.
            ends: where the automaton reports ends.
            since: matches that end up to there may be left out.
        """
        if self.shape is not None and any(wanted.search(data) is None for wanted, _ in self._needs):
            return ()
        clusters = self.clusters(ends, data)
        if clusters is None:
            return pattern.finditer(text)
        found: list[Any] = []
        ahead, length = cast(Shape, self.shape).ahead, len(data) - 2
        for low, high in clusters:
            if high <= since:
                continue
            border = self._border(data, high) if ahead is None else min(length, high + ahead)
            if border is None:
                return self._singly(pattern, text, data, ends)
            for match in pattern.finditer(text, low, border):
                if match.start() >= high:
                    break
                if match.end() > high:
                    return pattern.finditer(text)
                found.append(match)
        return found

    def _singly(self, pattern: Any, text: str, data: bytes, ends: Sequence[int]) -> Any:
        """The matches of a pattern that looks far ahead, tried at each place where one may begin."""
        shape = cast(Shape, self.shape)
        if self._narrow is None or shape.tail is None:
            return pattern.finditer(text)
        starts = {
            start
            for end in ends
            for start in range(
                max(0, end - 1 - self._short - self._narrow), end - self._long - shape.least + shape.tail
            )
        }
        ahead = [_Ahead(wanted, between, data) for wanted, between in self._needs]
        found: list[Any] = []
        place = 0
        for start in sorted(starts):
            if start < place or not all(item.stands(start) for item in ahead):
                continue
            match = pattern.match(text, start)
            if match is not None:
                found.append(match)
                place = match.end()
        return found

    def _border(self, data: bytes, high: int) -> int | None:
        """Where the text may be cut off, so that all that is looked at ahead of a match up to ``high`` is there."""
        border = _right(data, high, self._ahead, FAR)
        return None if border == high + FAR else min(len(data) - 2, border + 2)


class _Ahead:
    """Whether something stands ahead of places in a text, with only certain characters before it; asked in order.

    Args:
        wanted: what.
        between: bytes of those characters.
        data: the text between its edges.
    """

    def __init__(self, wanted: Any, between: bytes, data: bytes) -> None:
        self._wanted = wanted
        self._between = between
        self._data = data
        self._next = -1
        self._reach = -1
        self._until = -1
        self._stands = False

    def stands(self, place: int) -> bool:
        """Whether it does so ahead of a place, none of which lies before the one that was asked about last."""
        if place > self._until:
            if place > self._next:
                match = self._wanted.search(self._data, place + 1)
                self._next = len(self._data) if match is None else match.start() - 1
            if place > self._reach:
                self._reach = _right(self._data, place, self._between, None)
            self._stands = self._next <= self._reach
            self._until = self._next if self._stands else self._reach
        return self._stands


def _left(data: bytes, end: int, stop: int, allowed: bytes, most: int | None) -> int:
    """The first of the allowed characters before ``end``, at most ``most`` and not before ``stop``."""
    lowest = max(0, stop) if most is None else max(0, stop, end - most)
    step = _STEP
    while True:
        begin = max(lowest, end - step)
        rest = len(data[begin + 1 : end + 1].rstrip(allowed))
        if rest or begin == lowest:
            return begin + rest
        step *= 4


def _right(data: bytes, start: int, allowed: bytes, most: int | None) -> int:
    """The end of the allowed characters from ``start`` on, at most ``most``."""
    length = len(data) - 2
    highest = length if most is None else min(length, start + most)
    step = _STEP
    while True:
        stop = min(highest, start + step)
        rest = len(data[start + 1 : stop + 1].lstrip(allowed))
        if rest or stop == highest:
            return stop - rest
        step *= 4

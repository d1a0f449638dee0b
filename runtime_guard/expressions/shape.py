"""What an automaton must be asked to find wherever a pattern of the ``regex`` module can match.

A pattern is parsed with that module's own parser and written again over the bytes of
:mod:`runtime_guard.expressions.alphabet`, wider where the automaton cannot say it exactly and never narrower.
Look-arounds are dropped; where one stands at the border of the pattern and speaks of one character, it becomes that
character.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import regex
from regex import _regex_core as core

from runtime_guard.expressions.alphabet import BEYOND, DIGITS, EVERYTHING
from runtime_guard.expressions.tree import (
    LONG,
    REPEATS,
    SINGLE,
    ZERO_WIDTH,
    NotUnderstood,
    allowed_beside,
    cases_of,
    char_class,
    edge_of,
    is_zero_width,
    members_of,
    parse,
    repeated,
    union,
    walk,
)


class _CaseMatters(Exception):
    """A part of a pattern tells cases apart."""


@dataclass(frozen=True)
class Need:
    """What a pattern wants to see ahead of its beginning, however far.

    Attributes:
        between: bytes of the characters that may stand before it.
        expression: matches wherever it does.
    """

    between: frozenset[int]
    expression: bytes


@dataclass(frozen=True)
class Shape:
    """What is known about a pattern, or a part of one.

    Attributes:
        expression: for the automaton; matches wherever the pattern does, up to its tail.
        least, most: characters that a match has; None is unbounded.
        characters: bytes of the characters that a match may hold.
        beyond: characters by which the expression's match may reach beyond the pattern's: 0, 1 or both.
        tail: characters by which the pattern's match may reach beyond the expression's; None is unbounded.
        tail_characters: bytes of those.
        ahead: characters beyond a match that decide whether it is one; None is unbounded.
        ahead_characters: bytes of those, where unbounded.
        needs: what must stand ahead of each beginning of a match, and may be far.
        digits: whether every match holds a digit.
    """

    expression: bytes
    least: int
    most: int | None
    characters: frozenset[int]
    beyond: frozenset[int] = frozenset({0})
    tail: int | None = 0
    tail_characters: frozenset[int] = frozenset()
    ahead: int | None = 0
    ahead_characters: frozenset[int] = frozenset()
    needs: tuple[Need, ...] = ()
    digits: bool = False

    @property
    def wanted(self) -> tuple[bytes, ...]:
        """Expressions that each match somewhere in every text that the pattern matches in."""
        return (*(need.expression for need in self.needs), *([A_DIGIT] if self.digits else []))


A_DIGIT: Final = char_class(DIGITS)
_NOTHING: Final = Shape(b"", 0, 0, frozenset())


def shape_of(pattern: str, flags: int) -> Shape:
    """The shape of a pattern.

    Args:
        pattern: for :func:`regex.compile`.
        flags: as there.

    Raises:
        NotUnderstood: it must be tried on every text.
    """
    tree, used = parse(pattern, flags)
    shape = _written(tree, ignore_case=bool(used & regex.IGNORECASE))
    if shape.least == 0:
        raise NotUnderstood("matches nothing")
    return replace(
        shape, ahead=_ahead(tree), ahead_characters=_ahead_characters(tree), needs=tuple(_needs(tree))
    )


def _written(tree: Any, *, ignore_case: bool) -> Shape:
    """The shape of a tree; letters are written once where case never matters, since expressions are limited."""
    if ignore_case:
        try:
            shape = Writer(tree, ignore_case=True).write(tree, first=True, last=True)
            return replace(shape, expression=b"(?i)" + shape.expression)
        except _CaseMatters:
            pass
    return Writer(tree).write(tree, first=True, last=True)


@dataclass
class Writer:
    """Writes the nodes of one tree.

    Attributes:
        tree: the whole, to find groups in that are referred to.
        ignore_case: write each letter in one case.
    """

    tree: Any
    ignore_case: bool = False
    _groups: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in walk(self.tree):
            if isinstance(node, core.Group):
                self._groups.setdefault(str(node.group), []).append(node.subpattern)

    def write(self, node: Any, *, first: bool, last: bool) -> Shape:
        """The shape of a node.

        Args:
            node: of the tree.
            first: no character of the match comes before.
            last: none comes after.
        """
        kind = type(node)
        shape = _NOTHING
        if kind in SINGLE:
            members = members_of(node)
            shape = Shape(self._class(members), 1, 1, members, digits=members <= DIGITS)
        elif kind is core.Sequence:
            shape = self._sequence(node.items, first=first, last=last)
        elif kind is core.Branch:
            shape = self._branch(node.branches, first=first, last=last)
        elif kind in (core.Group, core.Atomic):
            shape = self.write(node.subpattern, first=first, last=last)
        elif kind in REPEATS:
            shape = self._repeat(node, last=last)
        elif kind is core.RefGroup:
            shape = self._reference(node)
        elif kind not in ZERO_WIDTH:
            raise NotUnderstood(kind.__name__)
        return shape

    def _branch(self, branches: Sequence[Any], *, first: bool, last: bool) -> Shape:
        parts = [self.write(item, first=first, last=last) for item in branches]
        return Shape(
            b"(?:%b)" % b"|".join(part.expression for part in parts),
            min(part.least for part in parts),
            _widest(part.most for part in parts),
            union(part.characters for part in parts),
            union(part.beyond for part in parts),
            _widest(part.tail for part in parts),
            union(part.tail_characters for part in parts),
            digits=all(part.digits for part in parts),
        )

    def _repeat(self, node: Any, *, last: bool) -> Shape:
        part = self.write(node.subpattern, first=False, last=False)
        least, most = node.min_count, node.max_count
        if part.most == 0 or most == 0:
            return _NOTHING
        whole = Shape(
            repeated(part.expression, least, most),
            part.least * least,
            None if most is None or part.most is None else part.most * most,
            part.characters,
            digits=part.digits and least > 0,
        )
        if not last or not least or (most is not None and most - least <= LONG // 2):
            return whole
        tail = None if whole.most is None else whole.most - whole.least
        return replace(
            whole,
            expression=repeated(part.expression, least, least),
            tail=tail,
            tail_characters=part.characters,
        )

    def _reference(self, node: Any) -> Shape:
        """What a group matched, again: any of its characters, in any case."""
        groups = self._groups.get(str(node.group), [])
        if len(groups) != 1:
            raise NotUnderstood("reference")
        part = self.write(groups[0], first=False, last=False)
        members = union(cases_of(code) for code in part.characters)
        if part.characters & BEYOND:
            members |= BEYOND
        return Shape(repeated(self._class(members), part.least, part.most), part.least, part.most, members)

    def _sequence(self, items: Sequence[Any], *, first: bool, last: bool) -> Shape:
        solid = [number for number, item in enumerate(items) if not is_zero_width(item)]
        if not solid:
            return _NOTHING
        start, end = solid[0], solid[-1] + 1
        prefix = self._before(items[:start], items[start:end]) if first else b""
        suffix = self._after(items[end:], items[start:end]) if last else b""
        shapes = self._parts(
            items[start:end], first=first and not prefix, last=last and not suffix and end == len(items)
        )
        whole = _joined(shapes)
        return replace(
            whole,
            expression=prefix + whole.expression + suffix,
            beyond=frozenset({1}) if suffix else whole.beyond,
        )

    def _parts(self, items: Sequence[Any], *, first: bool, last: bool) -> list[Shape]:
        """Each item's shape; at the end, what may be missing is left to the tail."""
        shapes: list[Shape] = []
        for number, item in enumerate(reversed(items), start=1):
            shape = self.write(item, first=first and number == len(items), last=last)
            if last and not is_zero_width(item):
                if shape.least == 0:
                    shape = Shape(
                        b"",
                        0,
                        shape.most,
                        shape.characters,
                        tail=shape.most,
                        tail_characters=shape.characters,
                    )
                else:
                    last = False
            shapes.append(shape)
        return shapes[::-1]

    def _before(self, conditions: Sequence[Any], items: Sequence[Any]) -> bytes:
        """What must stand before the pattern, as an expression."""
        for node in conditions:
            if type(node) is core.LookAround and node.behind and node.positive:
                return self.write(node.subpattern, first=True, last=False).expression
        allowed = allowed_beside(conditions, edge_of(items, last=False), behind=True)
        return b"" if allowed == EVERYTHING else self._class(allowed)

    def _after(self, conditions: Sequence[Any], items: Sequence[Any]) -> bytes:
        """What must stand after the pattern, as an expression."""
        allowed = allowed_beside(conditions, edge_of(items, last=True), behind=False)
        return b"" if allowed == EVERYTHING else self._class(allowed)

    def _class(self, members: frozenset[int]) -> bytes:
        if self.ignore_case:
            if members != union(map(cases_of, members)):
                raise _CaseMatters
            members = frozenset(code for code in members if not chr(code).isupper() or code > 127)
        return char_class(members)


def _ahead(node: Any) -> int | None:
    """Characters beyond a match that its conditions may look at; None is unbounded."""
    found: int | None = 0
    for item in walk(node):
        if type(item) is core.LookAround:
            found = _widest((found, None if item.behind and _ahead(item.subpattern) is None else _span(item)))
        elif is_zero_width(item):
            found = _widest((found, 2))
    return found


def _ahead_characters(node: Any) -> frozenset[int]:
    """The bytes of all that look-aheads may look at."""
    return union(
        Writer(item).write(item.subpattern, first=False, last=False).characters
        for item in walk(node)
        if type(item) is core.LookAround
    )


def _needs(node: Any) -> Iterator[Need]:
    """What look-aheads want that stand at the beginning and begin with something repeated without end."""
    while type(node) is core.Group:
        node = node.subpattern
    for item in node.items if type(node) is core.Sequence else [node]:
        if type(item) is core.Group:
            yield from _needs(item)
        elif type(item) is core.LookAround and item.positive and not item.behind:
            first, *rest = getattr(item.subpattern, "items", None) or [item.subpattern]
            if type(first) in REPEATS and (first.min_count, first.max_count) == (0, None) and rest:
                between = Writer(item).write(first.subpattern, first=False, last=False)
                if (between.least, between.most) == (1, 1):
                    wanted = [Writer(item).write(part, first=False, last=False).expression for part in rest]
                    if any(wanted):
                        yield Need(between.characters, b"".join(wanted))
        if not is_zero_width(item):
            return


def _span(node: Any) -> int | None:
    """Characters that a look-around may look at beyond the place it stands at."""
    inner = _ahead(node.subpattern)
    width = 0 if node.behind else _width(node.subpattern)
    return None if inner is None or width is None else inner + width


def _width(node: Any) -> int | None:
    return Writer(node).write(node, first=False, last=False).most


def _joined(shapes: Sequence[Shape]) -> Shape:
    """Shapes one after the other; the tails are those of the last ones."""
    tails = [shape for shape in shapes if shape.tail_characters]
    return Shape(
        b"".join(shape.expression for shape in shapes),
        sum(shape.least for shape in shapes),
        _sum(shape.most for shape in shapes),
        union(shape.characters for shape in shapes),
        shapes[-1].beyond,
        _sum(shape.tail for shape in tails),
        union(shape.tail_characters for shape in tails),
        digits=any(shape.digits for shape in shapes),
    )


def _widest(widths: Iterable[int | None]) -> int | None:
    known = list(widths)
    return None if None in known else max((width for width in known if width is not None), default=0)


def _sum(widths: Iterable[int | None]) -> int | None:
    known = list(widths)
    return None if None in known else sum(width for width in known if width is not None)

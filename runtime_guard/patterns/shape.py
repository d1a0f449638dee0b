"""What an automaton must be asked to find wherever a pattern of the ``regex`` module can match.

A pattern is parsed with that module's own parser and written again over the bytes of
:mod:`runtime_guard.patterns.alphabet`, wider where the automaton cannot say it exactly and never narrower.
Look-arounds are dropped; where one stands at the border of the pattern and speaks of one character, it becomes that
character.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import regex
from regex import _regex_core as core

from runtime_guard.patterns.alphabet import (
    ASCII,
    BEYOND,
    CHARACTERS,
    DIGIT,
    EVERYTHING,
    FOLDED,
    OTHER,
    SPACE,
    WORD,
    WORDS,
)

LONG: Final = 32
"""Repetitions beyond this are left unbounded: counting is what makes automata large."""

_FOLDING: Final = frozenset(map(ord, "iksIKS"))
"""ASCII letters that match others when case is ignored."""

_FLAGS: Final = (
    regex.IGNORECASE | regex.DOTALL | regex.MULTILINE | regex.UNICODE | regex.VERBOSE | regex.VERSION0
)
_SAMPLES: Final = {DIGIT: 0x0663, WORD: 0x4E2D, SPACE: 0x3000, OTHER: 0x2603}
"""A character of each class; the properties that make the classes hold for all of a class or none."""

_PROPERTIES: Final = {
    node.value: node
    for node in (core.lookup_property(None, name, True) for name in ("DIGIT", "WORD", "SPACE"))
}


class NotUnderstood(Exception):
    """A pattern holds something that cannot be written for the automaton."""


class _CaseMatters(Exception):
    """A part of a pattern tells cases apart."""


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


_NOTHING: Final = Shape(b"", 0, 0, frozenset())


def shape_of(pattern: str, flags: int) -> Shape:
    """The shape of a pattern.

    Args:
        pattern: for :func:`regex.compile`.
        flags: as there.

    Raises:
        NotUnderstood: it must be tried on every text.
    """
    tree, used = _parsed(pattern, flags)
    if used & ~_FLAGS:
        raise NotUnderstood("flags")
    shape = _written(tree, ignore_case=bool(used & regex.IGNORECASE))
    if shape.least == 0:
        raise NotUnderstood("matches nothing")
    return replace(shape, ahead=_ahead(tree), ahead_characters=_ahead_characters(tree))


def _written(tree: Any, *, ignore_case: bool) -> Shape:
    """The shape of a tree; letters are written once where case never matters, since expressions are limited."""
    if ignore_case:
        try:
            shape = _Writer(tree, ignore_case=True).write(tree, first=True, last=True)
            return replace(shape, expression=b"(?i)" + shape.expression)
        except _CaseMatters:
            pass
    return _Writer(tree).write(tree, first=True, last=True)


def _parsed(pattern: str, flags: int) -> tuple[Any, int]:
    """The parser's tree, before any optimisation, and the flags in force."""
    try:
        while True:
            source = core.Source(pattern)
            info = core.Info(flags, source.char_type, {})
            info.guess_encoding = core.UNICODE
            source.ignore_space = bool(info.flags & regex.VERBOSE)
            try:
                return core._parse_pattern(source, info), info.flags
            except core._UnscopedFlagSet:
                flags = info.global_flags
    except (regex.error, AttributeError) as error:
        raise NotUnderstood(type(error).__name__) from error


@dataclass
class _Writer:
    """Writes the nodes of one tree.

    Attributes:
        tree: the whole, to find groups in that are referred to.
        ignore_case: write each letter in one case.
    """

    tree: Any
    ignore_case: bool = False
    _groups: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in _walk(self.tree):
            if isinstance(node, core.Group):
                self._groups[str(node.group)] = node.subpattern

    def write(self, node: Any, *, first: bool, last: bool) -> Shape:
        """The shape of a node.

        Args:
            node: of the tree.
            first: no character of the match comes before.
            last: none comes after.
        """
        kind = type(node)
        shape = _NOTHING
        if kind in _SINGLE:
            members = _members(node)
            shape = Shape(self._class(members), 1, 1, members)
        elif kind is core.Sequence:
            shape = self._sequence(node.items, first=first, last=last)
        elif kind is core.Branch:
            shape = self._branch(node.branches, first=first, last=last)
        elif kind in (core.Group, core.Atomic):
            shape = self.write(node.subpattern, first=first, last=last)
        elif kind in _REPEATS:
            shape = self._repeat(node, last=last)
        elif kind is core.RefGroup:
            shape = self._reference(node)
        elif kind not in _ZERO_WIDTH:
            raise NotUnderstood(kind.__name__)
        return shape

    def _branch(self, branches: Sequence[Any], *, first: bool, last: bool) -> Shape:
        parts = [self.write(item, first=first, last=last) for item in branches]
        return Shape(
            b"(?:%b)" % b"|".join(part.expression for part in parts),
            min(part.least for part in parts),
            _widest(part.most for part in parts),
            _union(part.characters for part in parts),
            _union(part.beyond for part in parts),
            _widest(part.tail for part in parts),
            _union(part.tail_characters for part in parts),
        )

    def _repeat(self, node: Any, *, last: bool) -> Shape:
        part = self.write(node.subpattern, first=False, last=False)
        least, most = node.min_count, node.max_count
        if part.most == 0 or most == 0:
            return _NOTHING
        whole = Shape(
            _repeated(part.expression, least, most),
            part.least * least,
            None if most is None or part.most is None else part.most * most,
            part.characters,
        )
        if not last or not least or (most is not None and most - least <= LONG // 2):
            return whole
        tail = None if whole.most is None else whole.most - whole.least
        return replace(
            whole,
            expression=_repeated(part.expression, least, least),
            tail=tail,
            tail_characters=part.characters,
        )

    def _reference(self, node: Any) -> Shape:
        """What a group matched, again: any of its characters, in any case."""
        if str(node.group) not in self._groups:
            raise NotUnderstood("reference")
        part = self.write(self._groups[str(node.group)], first=False, last=False)
        members = _union(_cases(code) for code in part.characters)
        if part.characters & BEYOND:
            members |= BEYOND
        return Shape(_repeated(self._class(members), part.least, part.most), part.least, part.most, members)

    def _sequence(self, items: Sequence[Any], *, first: bool, last: bool) -> Shape:
        solid = [number for number, item in enumerate(items) if not _is_zero_width(item)]
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
            if last and not _is_zero_width(item):
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
        allowed = _allowed(conditions, _edge(items, last=False), behind=True)
        return b"" if allowed == EVERYTHING else self._class(allowed)

    def _after(self, conditions: Sequence[Any], items: Sequence[Any]) -> bytes:
        """What must stand after the pattern, as an expression."""
        allowed = _allowed(conditions, _edge(items, last=True), behind=False)
        return b"" if allowed == EVERYTHING else self._class(allowed)

    def _class(self, members: frozenset[int]) -> bytes:
        if self.ignore_case:
            if members != _union(map(_cases, members)):
                raise _CaseMatters
            members = frozenset(code for code in members if not chr(code).isupper() or code > 127)
        return _class(members)


def _allowed(conditions: Sequence[Any], edge: frozenset[int] | None, *, behind: bool) -> frozenset[int]:
    """The bytes that conditions of one character allow beside a match whose border is one of ``edge``."""
    allowed = EVERYTHING
    for node in conditions:
        if type(node) is core.Boundary and not node.encoding and edge is not None:
            if edge <= WORDS:
                allowed &= EVERYTHING - WORDS if node.positive else WORDS
            elif not edge & WORDS:
                allowed &= WORDS if node.positive else EVERYTHING - WORDS
        elif type(node) is core.LookAround and node.behind == behind and not node.positive:
            allowed -= _certain(node.subpattern)
    return allowed


def _certain(node: Any) -> frozenset[int]:
    """The bytes that certainly match a condition of one character; none, if it is another kind."""
    while type(node) in (core.Sequence, core.Group):
        if type(node) is core.Group:
            node = node.subpattern
        elif len(node.items) == 1:
            node = node.items[0]
        else:
            return frozenset()
    if type(node) is core.Branch:
        return _union(map(_certain, node.branches))
    if type(node) not in _SINGLE or not node.positive:
        return frozenset()
    return _members(node) & ASCII


def _edge(items: Sequence[Any], *, last: bool) -> frozenset[int] | None:
    """The bytes that a match of items can begin or end with; None when it can be empty."""
    found, empty = _edge_of_items(items, last=last)
    return None if empty else found


def _edge_of(node: Any, *, last: bool) -> tuple[frozenset[int], bool]:
    """The bytes a node can begin or end with, and whether it can be empty."""
    kind = type(node)
    found, empty = CHARACTERS, True
    if kind in _SINGLE:
        found, empty = _members(node), False
    elif kind in (core.Group, core.Atomic):
        found, empty = _edge_of(node.subpattern, last=last)
    elif kind is core.Branch:
        sides = [_edge_of(item, last=last) for item in node.branches]
        found, empty = _union(side for side, _ in sides), any(bare for _, bare in sides)
    elif kind is core.Sequence:
        found, empty = _edge_of_items(node.items, last=last)
    elif kind in _REPEATS:
        found, empty = _edge_of(node.subpattern, last=last)
        empty = empty or node.min_count == 0
    return found, empty


def _edge_of_items(items: Sequence[Any], *, last: bool) -> tuple[frozenset[int], bool]:
    found: frozenset[int] = frozenset()
    for item in reversed(items) if last else items:
        if not _is_zero_width(item):
            one, empty = _edge_of(item, last=last)
            found |= one
            if not empty:
                return found, False
    return found, True


def _members(node: Any) -> frozenset[int]:
    """The bytes of every character that a node of one character may match."""
    ignore_case = bool(getattr(node, "case_flags", 0) & regex.IGNORECASE)
    if getattr(node, "case_flags", 0) & regex.FULLCASE:
        raise NotUnderstood("full case folding")
    ascii_ones = {
        code
        for code in ASCII
        if any(_matches(node, other) for other in (_cases(code) if ignore_case else (code,)))
    }
    beyond = _beyond(node)
    if ignore_case and ascii_ones & _FOLDING:
        beyond |= {FOLDED}
    if ignore_case and FOLDED in beyond:
        ascii_ones |= _FOLDING
    return frozenset(ascii_ones) | beyond


def _matches(node: Any, code: int) -> bool:
    if isinstance(node, core.AnyAll):
        return True
    if isinstance(node, core.Any):
        return code != 0x0A
    return bool(node.matches(code))


def _beyond(node: Any) -> frozenset[int]:
    """The classes beyond ASCII that a node may match."""
    kind = type(node)
    if kind is core.Property and node.value in _PROPERTIES and not node.encoding:
        found = {byte for byte, sample in _SAMPLES.items() if node.matches(sample)}
        return frozenset(found | {FOLDED}) if WORD in found else frozenset(found)
    if kind is core.Character and node.positive and node.value < 128:
        return frozenset()
    if kind is core.Range and node.positive and node.upper < 128:
        return frozenset()
    if kind is core.SetUnion and node.positive:
        return _union(map(_beyond, node.items))
    return BEYOND


def _ahead(node: Any) -> int | None:
    """Characters beyond a match that its conditions may look at; None is unbounded."""
    found: int | None = 0
    for item in _walk(node):
        if type(item) is core.LookAround:
            found = _widest((found, None if item.behind and _ahead(item.subpattern) is None else _span(item)))
        elif _is_zero_width(item):
            found = _widest((found, 2))
    return found


def _ahead_characters(node: Any) -> frozenset[int]:
    """The bytes of all that look-aheads may look at."""
    return _union(
        _Writer(item).write(item.subpattern, first=False, last=False).characters
        for item in _walk(node)
        if type(item) is core.LookAround
    )


def _span(node: Any) -> int | None:
    """Characters that a look-around may look at beyond the place it stands at."""
    inner = _ahead(node.subpattern)
    width = 0 if node.behind else _width(node.subpattern)
    return None if inner is None or width is None else inner + width


def _width(node: Any) -> int | None:
    return _Writer(node).write(node, first=False, last=False).most


def _walk(node: Any) -> Iterable[Any]:
    yield node
    for name in ("items", "branches"):
        if not isinstance(node, core.SetBase):
            for item in getattr(node, name, ()):
                yield from _walk(item)
    if hasattr(node, "subpattern"):
        yield from _walk(node.subpattern)


def _is_zero_width(node: Any) -> bool:
    return type(node) in _ZERO_WIDTH


def _joined(shapes: Sequence[Shape]) -> Shape:
    """Shapes one after the other; the tails are those of the last ones."""
    tails = [shape for shape in shapes if shape.tail_characters]
    return Shape(
        b"".join(shape.expression for shape in shapes),
        sum(shape.least for shape in shapes),
        _sum(shape.most for shape in shapes),
        _union(shape.characters for shape in shapes),
        shapes[-1].beyond,
        _sum(shape.tail for shape in tails),
        _union(shape.tail_characters for shape in tails),
    )


def _repeated(expression: bytes, least: int, most: int | None) -> bytes:
    if (least, most) == (1, 1):
        return expression
    if most is not None and most - least > LONG:
        most = None
    if least == most:
        return b"(?:%b){%d}" % (expression, least)
    return b"(?:%b){%d,%b}" % (expression, least, b"" if most is None else b"%d" % most)


def _class(members: Iterable[int]) -> bytes:
    """A set of bytes as a character class."""
    codes = sorted(members)
    if not codes:
        raise NotUnderstood("matches no character")
    if len(codes) == 1:
        return _byte(codes[0])
    parts: list[bytes] = []
    begin = previous = codes[0]
    for code in [*codes[1:], -1]:
        if code == previous + 1:
            previous = code
            continue
        parts.append(_byte(begin) if begin == previous else b"%b-%b" % (_byte(begin), _byte(previous)))
        begin = previous = code
    return b"[%b]" % b"".join(parts)


def _byte(code: int) -> bytes:
    return bytes([code]) if code < 128 and chr(code).isalnum() else b"\\x%02x" % code


def _cases(code: int) -> tuple[int, ...]:
    """An ASCII character in both cases."""
    char = chr(code)
    return (code, ord(char.swapcase())) if code < 128 and char.isalpha() else (code,)


def _union(sets: Iterable[Iterable[int]]) -> frozenset[int]:
    return frozenset().union(*sets)


def _widest(widths: Iterable[int | None]) -> int | None:
    known = list(widths)
    return None if None in known else max((width for width in known if width is not None), default=0)


def _sum(widths: Iterable[int | None]) -> int | None:
    known = list(widths)
    return None if None in known else sum(width for width in known if width is not None)


_SINGLE: Final = frozenset(
    {core.Character, core.Range, core.Property, core.Any, core.AnyU, core.AnyAll}
    | {core.SetUnion, core.SetInter, core.SetDiff, core.SetSymDiff}
)
_REPEATS: Final = (core.GreedyRepeat, core.LazyRepeat, core.PossessiveRepeat)
_ZERO_WIDTH: Final = frozenset(
    {core.Boundary, core.LookAround, core.StartOfLine, core.StartOfLineU, core.StartOfString}
    | {core.EndOfLine, core.EndOfLineU, core.EndOfString, core.EndOfStringLine, core.EndOfStringLineU}
    | {core.StartOfWord, core.EndOfWord, core.DefaultBoundary, core.DefaultStartOfWord, core.DefaultEndOfWord}
)

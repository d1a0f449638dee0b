"""Patterns of the ``regex`` module as trees, by that module's own parser, and what their nodes match.

Everything is said in the bytes of :mod:`runtime_guard.expressions.alphabet`, wider where those cannot tell it exactly
and never narrower.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import regex
from regex import _regex_core as core

from runtime_guard.expressions.alphabet import (
    ASCII,
    BEYOND,
    CHARACTERS,
    DASH,
    DIGIT,
    EVERYTHING,
    FOLDED,
    OTHER,
    SIGN,
    SPACE,
    WORD,
    WORDS,
    classes,
)

LONG: Final = 32
"""Repetitions beyond this are left unbounded: counting is what makes automata large."""

_FOLDING: Final = frozenset(map(ord, "iksIKS"))
"""ASCII letters that match others when case is ignored."""

_USUAL: Final = regex.UNICODE | regex.VERSION0
"""Flags that are in force unless others are; said aloud, they make the parser write other nodes."""

_FLAGS: Final = regex.IGNORECASE | regex.DOTALL | regex.MULTILINE | regex.VERBOSE | _USUAL
_FEW: Final = 1024
"""Characters of a range that are looked at one by one."""

_SAMPLES: Final = {DIGIT: 0x0663, WORD: 0x4E2D, SPACE: 0x3000, OTHER: 0x2603, SIGN: 0x2013, DASH: 0x30FC}
"""A character of each class; the properties that make the classes hold for all of a class or none."""

_PROPERTIES: Final = {
    node.value: node
    for node in (core.lookup_property(None, name, True) for name in ("DIGIT", "WORD", "SPACE"))
}


class NotUnderstood(Exception):
    """A pattern holds something that cannot be written for the automaton."""


def parse(pattern: str, flags: int) -> tuple[Any, int]:
    """The parser's tree, before any optimisation, and the flags in force.

    Args:
        pattern: for :func:`regex.compile`.
        flags: as there.

    Raises:
        NotUnderstood: it is no pattern, or flags are in force whose meaning is not known here.
    """
    tree, used = _parsed(pattern, flags & ~_USUAL)
    if used & ~_FLAGS:
        raise NotUnderstood("flags")
    return tree, used


def _parsed(pattern: str, flags: int) -> tuple[Any, int]:
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


def walk(node: Any) -> Iterable[Any]:
    """A node and all below it."""
    yield node
    for name in ("items", "branches"):
        if not isinstance(node, core.SetBase):
            for item in getattr(node, name, ()):
                yield from walk(item)
    if hasattr(node, "subpattern"):
        yield from walk(node.subpattern)


def runs_away(pattern: str, flags: int) -> bool:
    """Whether the ``regex`` module may take all memory there is to match a pattern on a few characters.

    It does where something that can match nothing is repeated without end, and a part of the pattern is fuzzy.
    """
    try:
        tree, _ = parse(pattern, flags)
    except NotUnderstood:
        return False
    nodes = list(walk(tree))
    return any(type(node) is core.Fuzzy for node in nodes) and any(
        type(node) in REPEATS and node.max_count is None and edge_of([node.subpattern], last=False) is None
        for node in nodes
    )


def is_zero_width(node: Any) -> bool:
    """Whether a node is a condition and matches no character."""
    return type(node) in ZERO_WIDTH


def allowed_beside(conditions: Sequence[Any], edge: frozenset[int] | None, *, behind: bool) -> frozenset[int]:
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
        return union(map(_certain, node.branches))
    if type(node) not in SINGLE or not node.positive:
        return frozenset()
    return members_of(node) & ASCII


def edge_of(items: Sequence[Any], *, last: bool) -> frozenset[int] | None:
    """The bytes that a match of items can begin or end with; None when it can be empty."""
    found, empty = _edge_of_nodes(items, last=last)
    return None if empty else found


def _edge_of_node(node: Any, *, last: bool) -> tuple[frozenset[int], bool]:
    """The bytes a node can begin or end with, and whether it can be empty."""
    kind = type(node)
    found, empty = CHARACTERS, True
    if kind in SINGLE:
        found, empty = members_of(node), False
    elif kind in (core.Group, core.Atomic):
        found, empty = _edge_of_node(node.subpattern, last=last)
    elif kind is core.Branch:
        sides = [_edge_of_node(item, last=last) for item in node.branches]
        found, empty = union(side for side, _ in sides), any(bare for _, bare in sides)
    elif kind is core.Sequence:
        found, empty = _edge_of_nodes(node.items, last=last)
    elif kind in REPEATS:
        found, empty = _edge_of_node(node.subpattern, last=last)
        empty = empty or node.min_count == 0
    return found, empty


def _edge_of_nodes(items: Sequence[Any], *, last: bool) -> tuple[frozenset[int], bool]:
    found: frozenset[int] = frozenset()
    for item in reversed(items) if last else items:
        if not is_zero_width(item):
            one, empty = _edge_of_node(item, last=last)
            found |= one
            if not empty:
                return found, False
    return found, True


def members_of(node: Any) -> frozenset[int]:
    """The bytes of every character that a node of one character may match."""
    return _members_of(node, _encodings(node))


def _encodings(node: Any) -> tuple[Any, ...]:
    """What a node and its parts say about the alphabet, which the parser leaves out when it compares nodes."""
    return (getattr(node, "encoding", 0), *map(_encodings, getattr(node, "items", ())))


@lru_cache(4096)
def _members_of(node: Any, _: tuple[Any, ...]) -> frozenset[int]:
    ignore_case = bool(getattr(node, "case_flags", 0) & regex.IGNORECASE)
    if getattr(node, "case_flags", 0) & regex.FULLCASE:
        raise NotUnderstood("full case folding")
    ascii_ones = {
        code
        for code in ASCII
        if any(_matches(node, other) for other in (cases_of(code) if ignore_case else (code,)))
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
    if kind is core.Character and node.positive:
        return _classes_of(node.value, node.value, node)
    if kind is core.Range and node.positive:
        return _classes_of(node.lower, node.upper, node)
    if kind is core.SetUnion and node.positive:
        return union(map(_beyond, node.items))
    return BEYOND


def _classes_of(lower: int, upper: int, node: Any) -> frozenset[int]:
    """The classes of the characters beyond ASCII from one to another, in any case where the node ignores it."""
    if upper - lower > _FEW:
        return BEYOND
    found = set(map(chr, range(max(128, lower), upper + 1)))
    if node.case_flags & regex.IGNORECASE:
        found = {other for char in found for other in (char, char.lower(), char.upper(), char.title())}
    return frozenset(int(classes()[ord(char)]) for char in found if len(char) == 1 and ord(char) > 127)


def repeated(expression: bytes, least: int, most: int | None) -> bytes:
    """An expression, repeated; counted only up to :data:`LONG`."""
    if (least, most) == (1, 1):
        return expression
    if most is not None and most - least > LONG:
        most = None
    if least == most:
        return b"(?:%b){%d}" % (expression, least)
    return b"(?:%b){%d,%b}" % (expression, least, b"" if most is None else b"%d" % most)


def char_class(members: Iterable[int]) -> bytes:
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


def cases_of(code: int) -> tuple[int, ...]:
    """An ASCII character in both cases."""
    char = chr(code)
    return (code, ord(char.swapcase())) if code < 128 and char.isalpha() else (code,)


def union(sets: Iterable[Iterable[int]]) -> frozenset[int]:
    """What is in any of some sets."""
    return frozenset().union(*sets)


SINGLE: Final = frozenset(
    {core.Character, core.Range, core.Property, core.Any, core.AnyU, core.AnyAll}
    | {core.SetUnion, core.SetInter, core.SetDiff, core.SetSymDiff}
)
REPEATS: Final = (core.GreedyRepeat, core.LazyRepeat, core.PossessiveRepeat)
ZERO_WIDTH: Final = frozenset(
    {core.Boundary, core.LookAround, core.StartOfLine, core.StartOfLineU, core.StartOfString}
    | {core.EndOfLine, core.EndOfLineU, core.EndOfString, core.EndOfStringLine, core.EndOfStringLineU}
    | {core.StartOfWord, core.EndOfWord, core.DefaultBoundary, core.DefaultStartOfWord, core.DefaultEndOfWord}
)

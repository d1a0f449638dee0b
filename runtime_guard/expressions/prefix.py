"""What a match looks like that has begun and is not decided: every beginning of what a pattern can match.

The beginnings of ``AB`` are those of ``A``, and those of ``B`` behind an ``A``; those of ``A*`` are some ``A`` and a
beginning of one more. What a look-ahead wants to see is a beginning too. A beginning of a beginning is one itself, so
what has begun somewhere and is over stays over. Everything is wider where it cannot be said exactly, never narrower.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from regex import _regex_core as core

from runtime_guard.expressions.alphabet import EVERYTHING
from runtime_guard.expressions.shape import Writer
from runtime_guard.expressions.tree import (
    REPEATS,
    SINGLE,
    NotUnderstood,
    allowed_beside,
    char_class,
    edge_of,
    is_zero_width,
    parse,
    repeated,
    walk,
)


@dataclass(frozen=True)
class Beginning:
    """The beginnings of what one alternative of a pattern matches.

    Attributes:
        before: expression of the one byte before a match.
        text: expression of the beginnings, nothing and whole matches included.
        behind: expression of what must stand before a match; empty when that is nothing in particular.
    """

    before: bytes
    text: bytes
    behind: bytes = b""


def beginnings(pattern: str, flags: int) -> list[Beginning]:
    """The beginnings of a pattern's alternatives.

    Args:
        pattern: for :func:`regex.compile`.
        flags: as there.

    Raises:
        NotUnderstood: anything may be one.
    """
    tree, _ = parse(pattern, flags)
    if any(_looks_both_ways(node) for node in walk(tree)):
        raise NotUnderstood("look-ahead in a look-behind")
    writer = _Beginner(tree)
    return [writer.alternative(items) for items in _alternatives(tree)]


class _Beginner:
    """Writes beginnings of the nodes of one tree."""

    def __init__(self, tree: Any) -> None:
        self._whole = Writer(tree)

    def alternative(self, items: Sequence[Any]) -> Beginning:
        """The beginnings of nodes one after the other, and what their first conditions ask for."""
        conditions: list[Any] = []
        for item in items:
            if not is_zero_width(item):
                break
            conditions.append(item)
        allowed = allowed_beside(conditions, edge_of(items, last=False), behind=True)
        behind = next((item for item in conditions if _looks_behind(item)), None)
        return Beginning(
            char_class(allowed & EVERYTHING),
            self._sequence(items),
            b"" if behind is None else self._written(behind.subpattern),
        )

    def _written(self, node: Any) -> bytes:
        return self._whole.write(node, first=False, last=False).expression

    def _begun(self, node: Any) -> bytes:
        """The beginnings of one node."""
        kind = type(node)
        begun = b""
        if kind is core.LookAround:
            begun = b"" if node.behind else self._begun(node.subpattern)
        elif kind in (core.EndOfStringLine, core.EndOfStringLineU):
            begun = b"\\n?"
        elif kind is core.Sequence:
            begun = self._sequence(node.items)
        elif kind is core.Branch:
            begun = b"(?:%b)" % b"|".join(map(self._begun, node.branches))
        elif kind in (core.Group, core.Atomic):
            begun = self._begun(node.subpattern)
        elif kind in REPEATS:
            begun = self._repeat(node)
        elif not is_zero_width(node):
            shape = self._whole.write(node, first=False, last=False)
            begun = repeated(char_class(shape.characters), 0, shape.most)
        return begun

    def _sequence(self, items: Sequence[Any]) -> bytes:
        rest = b""
        for item in reversed(items):
            begun = self._begun(item)
            if type(item) in SINGLE:
                rest = b"(?:%b%b)?" % (self._written(item), rest)
            elif not is_zero_width(item):
                rest = b"(?:%b|%b%b)" % (begun, self._written(item), rest)
            elif begun:
                rest = b"(?:%b|%b)" % (begun, rest)
        return rest

    def _repeat(self, node: Any) -> bytes:
        if node.max_count == 0:
            return b""
        more = repeated(self._written(node.subpattern), 0, node.max_count)
        return more if type(node.subpattern) in SINGLE else more + self._begun(node.subpattern)


def _alternatives(node: Any) -> Iterator[Sequence[Any]]:
    """The sequences that a tree chooses among before it matches anything."""
    if type(node) is core.Group:
        yield from _alternatives(node.subpattern)
    elif type(node) is core.Branch:
        for item in node.branches:
            yield from _alternatives(item)
    elif type(node) is core.Sequence and len(node.items) == 1:
        yield from _alternatives(node.items[0])
    else:
        yield node.items if type(node) is core.Sequence else [node]


def _looks_behind(node: Any) -> bool:
    return type(node) is core.LookAround and bool(node.behind and node.positive)


def _looks_both_ways(node: Any) -> bool:
    """Whether a look-behind looks ahead of where it stands."""
    if type(node) is not core.LookAround or not node.behind:
        return False
    return any(type(item) is core.LookAround and not item.behind for item in walk(node.subpattern))

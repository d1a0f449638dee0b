"""Builds the tree again from what a database holds, and says where it departs from the tree that was signed.

Both the leaves and the interior nodes in the database may have been changed. A part of the tree therefore has
*candidates*: what its children hash to, and what is stored for it. The parent, and at last the signed root, settle
which of them was true: if the stored one was, the rows under it were changed; if the computed one was, only the
stored node was. Memory is bounded by the height of the tree and the number of unsettled parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from govkernel.domain.merkle import EMPTY_ROOT, node_hash

MAX_SUSPECTS: Final = 256
_MAX_FOLDS: Final = 64

StoredNodes = Callable[[int, int], bytes | None]
"""Returns the stored hash of a node of level 1 and up, None when it is not there."""


@dataclass(frozen=True)
class Suspect:
    """A subtree whose stored node is the one that was signed, and whose rows are not what it was made of.

    Attributes:
        level, index: the subtree; its rows are ``[index << level, (index + 1) << level)``.
        signed: the hash that was signed.
        leaves: at level 1, the two leaf hashes found in the database.
    """

    level: int
    index: int
    signed: bytes
    leaves: tuple[bytes, ...] = ()

    @property
    def rows(self) -> tuple[int, int]:
        """First and last row."""
        return self.index << self.level, ((self.index + 1) << self.level) - 1


class Root(Enum):
    """How a signed root compares with the tree."""

    CONFIRMED = "confirmed"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class _Part:
    """A complete subtree with its candidates, each with the children's choices it was made of, if unsettled."""

    level: int
    index: int
    candidates: dict[bytes, tuple[_Choice, ...]]
    stored: bytes | None = None
    leaves: tuple[bytes, ...] = ()

    @property
    def suspect(self) -> bool:
        return self.stored is not None

    @property
    def unsettled(self) -> bool:
        return self.suspect or any(self.candidates.values())


_Choice = tuple[_Part, bytes]


@dataclass
class Replay:
    """The tree, rebuilt leaf by leaf.

    Attributes:
        stored: reads stored nodes.
        size: leaves so far, missing ones included.
        suspects: the first subtrees found whose rows were changed.
        more: how many there are beyond those.
        altered: stored nodes that were changed though their rows were not.
        missing: stored nodes that are not there.
        unproven: subtrees that cannot be checked, because what is beside them is missing.
    """

    stored: StoredNodes
    size: int = 0
    suspects: list[Suspect] = field(default_factory=list)
    more: int = 0
    altered: list[tuple[int, int]] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)
    unproven: list[tuple[int, int]] = field(default_factory=list)
    _stack: list[_Part] = field(default_factory=list)

    def add(self, leaves: Sequence[bytes]) -> None:
        """Add the next leaf: its hash; or several it may have had; or none when the row is missing."""
        part = _Part(0, self.size, dict.fromkeys(leaves, ()))
        index = self.size
        while index & 1:
            part = self._join(self._stack.pop(), part)
            index >>= 1
        self._stack.append(part)
        self.size += 1

    def check(self, root: bytes) -> Root:
        """Compare the tree as it is now with a signed root; a confirmed root settles every candidate."""
        if not self._stack:
            return Root.CONFIRMED if root == EMPTY_ROOT else Root.DIFFERS
        folds = self._folds(self._stack[-1].candidates)
        if not folds:
            return Root.UNKNOWN
        if root not in folds:
            return Root.DIFFERS
        self._settle_all(folds[root])
        return Root.CONFIRMED

    def check_last(self, root: bytes, leaves: Iterable[bytes]) -> bytes | None:
        """The one of ``leaves`` with which, as the last leaf, the tree has this root; it becomes that leaf."""
        for leaf in leaves if self.size & 1 else ():
            folds = self._folds([leaf])
            if root in folds:
                self._stack[-1] = _Part(0, self.size - 1, {leaf: ()})
                self._settle_all(folds[root])
                return leaf
        return None

    def _folds(self, last: Iterable[bytes]) -> dict[bytes, tuple[bytes, ...]]:
        """Every root that the candidates can make, with the candidates chosen for it."""
        folds: dict[bytes, tuple[bytes, ...]] = {value: (value,) for value in last}
        for part in reversed(self._stack[:-1]):
            folds = {
                node_hash(left, right): (left, *chosen)
                for left in part.candidates
                for right, chosen in list(folds.items())[:_MAX_FOLDS]
            }
        return folds

    def _settle_all(self, choices: Sequence[bytes]) -> None:
        for place, chosen in enumerate(choices):
            self._settle((self._stack[place], chosen))
            part = self._stack[place]
            self._stack[place] = _Part(part.level, part.index, {chosen: ()})

    def _join(self, left: _Part, right: _Part) -> _Part:
        level, index = right.level + 1, right.index >> 1
        stored = self.stored(level, index)
        made = {
            node_hash(one, two): ((left, one), (right, two))
            for one in left.candidates
            for two in right.candidates
        }
        if not made:
            self.unproven += [(part.level, part.index) for part in (left, right) if part.candidates]
            return _Part(level, index, {} if stored is None else {stored: ()})
        if stored is None:
            self.missing.append((level, index))
            keep = left.unsettled or right.unsettled
            return _Part(level, index, {value: choice if keep else () for value, choice in made.items()})
        if stored in made:
            for choice in made[stored]:
                self._settle(choice)
            return _Part(level, index, {stored: ()})
        value, choices = next(iter(made.items()))
        leaves = tuple(hash_ for _, hash_ in choices) if level == 1 else ()
        return _Part(level, index, {value: choices, stored: ()}, stored, leaves)

    def _settle(self, choice: _Choice) -> None:
        part, value = choice
        if part.suspect and value == part.stored:
            self._suspect(Suspect(part.level, part.index, value, part.leaves))
        elif part.suspect:
            self.altered.append((part.level, part.index))
        for inner in part.candidates[value]:
            self._settle(inner)

    def _suspect(self, suspect: Suspect) -> None:
        if len(self.suspects) < MAX_SUSPECTS:
            self.suspects.append(suspect)
        else:
            self.more += 1

"""Merkle tree hashing and proofs (RFC 9162 section 2.1, the tree of RFC 6962), pure and incremental.

A *complete* node ``(level, index)`` is the root of the perfect subtree over leaves ``[index << level,
(index + 1) << level)``; it never changes once its leaves exist, so it can be stored. A tree of any size is folded
from at most 64 complete nodes, which is what makes appending and proving logarithmic.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

HASH_SIZE: Final = 32
"""Bytes of a SHA-256 hash."""

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""

NodeReader = Callable[[int, int], bytes]
"""Returns the hash of the complete node ``(level, index)``; level 0 are the leaf hashes."""


@dataclass(frozen=True, slots=True)
class Node:
    """A complete node: its level (0 = leaf), its index in that level, its hash."""

    level: int
    index: int
    hash: bytes


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf: ``SHA-256(0x00 || data)``."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an interior node: ``SHA-256(0x01 || left || right)``."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class CompactRange:
    """A tree reduced to the complete nodes it is folded from, largest first.

    Attributes:
        size: number of leaves.
        hashes: one hash per 1 bit of ``size``, from the most significant down.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    @classmethod
    def load(cls, size: int, read: NodeReader) -> Self:
        """The compact range of a stored tree of ``size`` leaves."""
        return cls(size, tuple(read(level, index) for level, index in cover(0, size)))

    def root(self) -> bytes:
        """The root hash of the tree."""
        return fold(self.hashes)

    def extend(self, leaves: Iterable[bytes]) -> tuple[CompactRange, list[Node]]:
        """Append leaf hashes.

        Returns:
            The grown range, and the nodes of level 1 and up that became complete, in order.
        """
        stack, size, nodes = list(self.hashes), self.size, list[Node]()
        for leaf in leaves:
            value, level, index = leaf, 0, size
            while index & 1:
                value, level, index = node_hash(stack.pop(), value), level + 1, index >> 1
                nodes.append(Node(level, index, value))
            stack.append(value)
            size += 1
        return CompactRange(size, tuple(stack)), nodes


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over complete nodes given largest first."""
    if not hashes:
        return EMPTY_ROOT
    value = hashes[-1]
    for left in reversed(hashes[:-1]):
        value = node_hash(left, value)
    return value


def cover(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The complete nodes, largest first, that cover leaves ``[start, end)``.

    ``start`` must be a multiple of the largest power of two that is at most ``end - start``.
    """
    length = end - start
    for level in range(length.bit_length() - 1, -1, -1):
        if length >> level & 1:
            yield level, start >> level
            start += 1 << level


def inclusion_proof(index: int, size: int, read: NodeReader) -> list[bytes]:
    """The hashes that lead from leaf ``index`` to the root of the tree of ``size`` leaves (RFC 9162 2.1.3.1).

    Raises:
        ValueError: not ``0 <= index < size``.
    """
    if not 0 <= index < size:
        raise ValueError("a proof needs 0 <= index < size")
    path, start, end = list[bytes](), 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(middle, end, read))
            end = middle
        else:
            path.append(_subtree(start, middle, read))
            start = middle
    return path[::-1]


def consistency_proof(first: int, second: int, read: NodeReader) -> list[bytes]:
    """The hashes that prove the tree of ``first`` leaves a prefix of that of ``second`` (RFC 9162 2.1.4.1).

    Raises:
        ValueError: not ``0 <= first <= second``.
    """
    if not 0 <= first <= second:
        raise ValueError("a proof needs 0 <= first <= second")
    if first == 0:
        return []
    path, start, end = list[bytes](), 0, second
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(_subtree(middle, end, read))
            end = middle
        else:
            path.append(_subtree(start, middle, read))
            start = middle
    if start:
        path.append(_subtree(start, end, read))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows the leaf hash at ``index`` in the tree of ``size`` leaves (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size or not _hashes(leaf, root, *proof):
        return False
    node, last, value = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            value = node_hash(step, value)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            value = node_hash(value, step)
        node, last = node >> 1, last >> 1
    return last == 0 and hmac.compare_digest(value, root)


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether ``proof`` shows the second tree to extend the first (RFC 9162 2.1.4.2)."""
    if not 0 <= first <= second or not _hashes(first_root, second_root, *proof):
        return False
    if first == second:
        return not proof and hmac.compare_digest(first_root, second_root)
    if first == 0:
        return not proof and hmac.compare_digest(first_root, EMPTY_ROOT)
    steps = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not steps:
        return False
    return _climb(first - 1, second - 1, steps) == (first_root, second_root)


def _climb(node: int, last: int, steps: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The two roots that a consistency proof leads to; None when it has a wrong length."""
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, step)
        node, last = node >> 1, last >> 1
    return (old, new) if last == 0 else None


def _split(length: int) -> int:
    """The largest power of two smaller than ``length``, which is at least 2."""
    return 1 << ((length - 1).bit_length() - 1)


def _subtree(start: int, end: int, read: NodeReader) -> bytes:
    return fold([read(level, index) for level, index in cover(start, end)])


def _hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_SIZE for value in values)

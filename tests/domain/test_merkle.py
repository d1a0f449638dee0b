"""Merkle hashing and proofs against RFC 9162's recursive definitions, and against every single-bit change."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain.merkle import (
    EMPTY_ROOT,
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

LARGEST = 2000


def reference_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(reference_root(leaves[:k]), reference_root(leaves[k:]))


class Tree:
    """A log of the leaves ``seed/0`` … with all its complete nodes."""

    def __init__(self, size: int, seed: int) -> None:
        self.leaves = [leaf_hash(b"%d/%d" % (seed, n)) for n in range(size)]
        self.range, nodes = CompactRange().extend(self.leaves)
        self.nodes = {(node.level, node.index): node.hash for node in nodes}

    def read(self, level: int, index: int) -> bytes:
        return self.nodes[level, index] if level else self.leaves[index]

    def root(self, size: int) -> bytes:
        return CompactRange.load(size, self.read).root()


def flips(value: bytes):
    """``value`` with each one of its bits changed."""
    number = int.from_bytes(value)
    return ((number ^ (1 << bit)).to_bytes(len(value)) for bit in range(len(value) * 8))


def flipped_proofs(proof: list[bytes]):
    """The proof with each bit of each element changed."""
    for place, element in enumerate(proof):
        for changed in flips(element):
            yield [*proof[:place], changed, *proof[place + 1 :]]


trees = st.builds(Tree, st.integers(1, LARGEST), st.integers(0, 2**32))


def test_the_vectors_of_certificate_transparency():
    data = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    leaves = [leaf_hash(bytes.fromhex(item)) for item in data]
    roots = [CompactRange().extend(leaves[:size])[0].root().hex() for size in (0, 1, 2, 3, 8)]
    assert roots == [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]


@given(st.integers(0, 300), st.lists(st.integers(1, 40), max_size=8))
@settings(max_examples=60, deadline=None)
def test_appending_in_any_groups_gives_the_recursive_root(first: int, groups: list[int]):
    size = first + sum(groups)
    leaves = Tree(size, 1).leaves
    tree, done = CompactRange().extend(leaves[:first])[0], first
    for group in groups:
        tree, _ = tree.extend(leaves[done : done + group])
        done += group
    assert (tree.size, tree.root()) == (size, reference_root(leaves))
    assert len(tree.hashes) == size.bit_count()


@given(trees, st.data())
@settings(max_examples=60, deadline=None)
def test_inclusion_proofs_hold(tree: Tree, data: st.DataObject):
    size = data.draw(st.integers(1, tree.range.size))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, tree.read)
    assert verify_inclusion(tree.leaves[index], index, size, proof, tree.root(size))
    assert len(proof) <= size.bit_length()


@given(trees, st.data())
@settings(max_examples=60, deadline=None)
def test_consistency_proofs_hold(tree: Tree, data: st.DataObject):
    second = data.draw(st.integers(0, tree.range.size))
    first = data.draw(st.integers(0, second))
    proof = consistency_proof(first, second, tree.read)
    assert verify_consistency(first, second, tree.root(first), tree.root(second), proof)


@given(trees, st.data())
@settings(max_examples=12, deadline=None)
def test_no_single_bit_of_an_inclusion_proof_can_change(tree: Tree, data: st.DataObject):
    size = tree.range.size
    index = data.draw(st.integers(0, size - 1))
    leaf, root, proof = tree.leaves[index], tree.range.root(), inclusion_proof(index, size, tree.read)
    assert not any(verify_inclusion(changed, index, size, proof, root) for changed in flips(leaf))
    assert not any(verify_inclusion(leaf, index, size, proof, changed) for changed in flips(root))
    assert not any(verify_inclusion(leaf, index, size, changed, root) for changed in flipped_proofs(proof))


@given(trees, st.data())
@settings(max_examples=12, deadline=None)
def test_no_single_bit_of_a_consistency_proof_can_change(tree: Tree, data: st.DataObject):
    second = tree.range.size
    first = data.draw(st.integers(1, second))
    old, new, proof = tree.root(first), tree.root(second), consistency_proof(first, second, tree.read)
    assert not any(verify_consistency(first, second, changed, new, proof) for changed in flips(old))
    assert not any(verify_consistency(first, second, old, changed, proof) for changed in flips(new))
    assert not any(verify_consistency(first, second, old, new, changed) for changed in flipped_proofs(proof))


@pytest.mark.parametrize("size", range(1, 40))
def test_proofs_hold_at_their_place_only(size: int):
    tree = Tree(size, 7)
    root = tree.range.root()
    for index in range(size):
        proof = inclusion_proof(index, size, tree.read)
        places = [at for at in range(size + 2) if verify_inclusion(tree.leaves[index], at, size, proof, root)]
        assert places == [index]
        assert not verify_inclusion(tree.leaves[index], index, size, [*proof, root], root)
        assert not verify_inclusion(tree.leaves[index], index, size, proof[:-1], root) or not proof
    for first in range(1, size):
        proof = consistency_proof(first, size, tree.read)
        assert not verify_consistency(first, size, tree.root(first), root, proof[:-1])
        assert not verify_consistency(first, size, tree.root(first), root, [*proof, root])


@given(
    st.integers(-3, 70),
    st.integers(-3, 70),
    st.lists(st.binary(min_size=30, max_size=34), max_size=8),
    st.integers(),
)
@settings(max_examples=300, deadline=None)
def test_verifiers_answer_no_to_nonsense(first: int, second: int, proof: list[bytes], seed: int):
    randomness = random.Random(seed)
    one, two = randomness.randbytes(32), randomness.randbytes(32)
    assert not verify_inclusion(one, first, second, proof, two)
    assert not verify_consistency(first, second, one, two, proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3)])
def test_a_proof_of_what_is_not_there_is_refused(index: int, size: int):
    with pytest.raises(ValueError, match="a proof needs"):
        inclusion_proof(index, size, Tree(3, 0).read)
    with pytest.raises(ValueError, match="a proof needs"):
        consistency_proof(size + 1, size, Tree(3, 0).read)

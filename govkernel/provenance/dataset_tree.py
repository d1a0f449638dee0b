"""A dataset as a Merkle tree over its shards (RFC 6962), so that it can grow, and be sampled, with proofs. Pure.

A leaf is the JCS form of ``{"path", "sha256"}``, and of ``"rows"`` where a shard's lines have a tree of their own; so a
root binds names as the subject digest does. Leaves stand in the order in which shards came, which is what lets an
append be proven. docs/adr/0014-dataset-merkle-tree.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple, Self

from govkernel.domain import Digest, merkle, strict_json
from govkernel.domain.manifest import model_manifest_digest
from govkernel.domain.paths import MAX_FILES, check_distinct, check_path
from govkernel.errors import InputError, ProvenanceError
from govkernel.provenance.limits import MAX_TREE

TREE_TYPE: Final = "https://govkernel.dev/dataset-tree/v1"
MAX_ROWS: Final = 2**53 - 1
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class Root(NamedTuple):
    """What is signed of a tree: the number of its leaves, and its root hash."""

    size: int
    root: bytes

    def document(self) -> dict[str, Any]:
        """As JSON: ``size`` and ``root`` in hex."""
        return {"size": self.size, "root": self.root.hex()}

    @classmethod
    def parse(cls, value: Any) -> Self:
        """From its JSON.

        Raises:
            InputError: ``dataset.malformed``.
        """
        size = value.get("size") if isinstance(value, Mapping) else None
        if type(size) is not int or not 0 <= size <= MAX_ROWS:
            raise malformed("A root has no number of leaves.")
        return cls(size, _hash(value.get("root")))


class Shard(NamedTuple):
    """A leaf: a file of the dataset.

    Attributes:
        path: relative to the dataset, with ``/``.
        sha256: of its bytes, hex.
        rows: the tree over its lines; None where there is none.
    """

    path: str
    sha256: str
    rows: Root | None = None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        plain = {"path": self.path, "sha256": self.sha256}
        return plain if self.rows is None else {**plain, "rows": self.rows.document()}

    @property
    def leaf(self) -> bytes:
        """The leaf's hash."""
        return merkle.leaf_hash(strict_json.canonical(self.document()))

    @classmethod
    def parse(cls, value: Any) -> Self:
        """From its JSON.

        Raises:
            InputError: ``dataset.malformed``.
            ProvenanceError: ``provenance.path-*``.
        """
        if not isinstance(value, Mapping) or not {"path", "sha256"} <= set(value) <= {
            "path",
            "sha256",
            "rows",
        }:
            raise malformed("A shard is not a path with a digest.")
        if not isinstance(value["path"], str):
            raise malformed("A shard's path is no text.")
        rows = Root.parse(value["rows"]) if "rows" in value else None
        return cls(check_path(value["path"]), _hash(value["sha256"]).hex(), rows)


@dataclass(frozen=True)
class DatasetTree:
    """The shards of a dataset in the order in which they came."""

    shards: tuple[Shard, ...]

    @classmethod
    def of(cls, shards: Iterable[Shard]) -> Self:
        """A tree of distinct shards.

        Raises:
            ProvenanceError: ``provenance.empty``, ``provenance.path-*`` or ``provenance.too-many-files``.
        """
        found = tuple(shards)
        if not found:
            raise ProvenanceError(
                "provenance.empty", "The dataset has no shards.", remedy="Name the folder that holds them."
            )
        check_distinct(item.path for item in found)
        return cls(found)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """From what :meth:`document` wrote.

        Raises:
            InputError: ``json.*`` or ``dataset.malformed``.
            ProvenanceError: like :meth:`of`.
        """
        value = strict_json.loads(content, max_bytes=MAX_TREE)
        listed = value.get("shards") if isinstance(value, dict) and value.get("type") == TREE_TYPE else None
        if not isinstance(listed, list) or len(listed) > MAX_FILES:
            raise malformed("The file is not a dataset's tree.")
        return cls.of(map(Shard.parse, listed))

    def document(self) -> bytes:
        """The whole tree, to be kept beside the dataset; nothing in it is trusted but by a signed root."""
        return strict_json.canonical({"type": TREE_TYPE, "shards": [item.document() for item in self.shards]})

    @cached_property
    def digest(self) -> Digest:
        """The dataset's subject digest, the same as without a tree."""
        return model_manifest_digest({item.path: item.sha256 for item in self.shards})

    @cached_property
    def root(self) -> Root:
        """What is signed."""
        return Root(len(self.shards), self._grown[0].root())

    def extended(self, shards: Iterable[Shard]) -> DatasetTree:
        """The tree with more shards at its end; raises like :meth:`of`."""
        return DatasetTree.of((*self.shards, *shards))

    def first(self, size: int) -> DatasetTree:
        """The tree of the first shards; raises like :meth:`of` for none."""
        return DatasetTree.of(self.shards[:size])

    def inclusion(self, path: str) -> tuple[int, Shard, list[bytes]]:
        """Position, shard and proof of a path.

        Raises:
            InputError: ``dataset.shard-unknown``.
        """
        for index, item in enumerate(self.shards):
            if item.path == path:
                return index, item, merkle.inclusion_proof(index, len(self.shards), self._node)
        raise InputError(
            "dataset.shard-unknown",
            f"There is no shard {ascii(path)[:200]} in the tree.",
            remedy="Name it as it is called inside the dataset, e.g. part/0001.jsonl.",
        )

    def consistency(self, size: int) -> list[bytes]:
        """The proof that the first ``size`` shards are the beginning of this tree."""
        return merkle.consistency_proof(size, len(self.shards), self._node)

    @cached_property
    def _grown(self) -> tuple[merkle.CompactRange, list[merkle.Node]]:
        return merkle.CompactRange().extend(self._leaves)

    @cached_property
    def _leaves(self) -> list[bytes]:
        return [item.leaf for item in self.shards]

    @cached_property
    def _nodes(self) -> dict[tuple[int, int], bytes]:
        return {(node.level, node.index): node.hash for node in self._grown[1]}

    def _node(self, level: int, index: int) -> bytes:
        return self._nodes[level, index] if level else self._leaves[index]


def predicate(tree: DatasetTree, before: DatasetTree | None = None) -> dict[str, Any]:
    """The claim of a ``dataset-tree`` statement; it is about ``tree.digest``.

    Args:
        tree: the dataset now.
        before: what it grew from; then the claim proves that nothing of it was changed.
    """
    claim = tree.root.document()
    if before is not None:
        proof = [item.hex() for item in tree.consistency(before.root.size)]
        claim["previous"] = {**before.root.document(), "proof": proof}
    return claim


def grew(claim: Mapping[str, Any]) -> Root | None:
    """The root that a verified claim proves to have grown from; None if it names none.

    Raises:
        InputError: ``dataset.malformed``.
        ProvenanceError: ``dataset.inconsistent``: what it names is not the beginning of it.
    """
    if "previous" not in claim:
        return None
    now, previous = Root.parse(claim), Root.parse(claim["previous"])
    proof = hashes(claim["previous"].get("proof"))
    if not merkle.verify_consistency(previous.size, now.size, previous.root, now.root, proof):
        raise ProvenanceError(
            "dataset.inconsistent",
            "The dataset did not grow from the one it names.",
            why=f"The proof does not lead from {previous.size} shards to {now.size}.",
            remedy="Make a new tree and have it signed, or restore the shards that were changed.",
        )
    return previous


def hashes(value: Any) -> list[bytes]:
    """The steps of a proof from hex; at most 64, since no tree is deeper.

    Raises:
        InputError: ``dataset.malformed``.
    """
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > 64:
        raise malformed("A proof is not a list of at most 64 hashes.")
    return [_hash(item) for item in value]


def malformed(what: str) -> InputError:
    """The error for a tree or proof that cannot be read."""
    return InputError("dataset.malformed", what, remedy="Make it again with `govkernel dataset`.")


def _hash(value: Any) -> bytes:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise malformed("A hash is not 64 lower-case hex digits.")
    return bytes.fromhex(value)

"""Proofs that a shard, or a row of one, is in a dataset whose root was signed. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from govkernel.domain import merkle, strict_json
from govkernel.errors import InputError, ProvenanceError
from govkernel.provenance.dataset_tree import MAX_ROWS, DatasetTree, Root, Shard, hashes, malformed
from govkernel.provenance.limits import MAX_PROOF

LINES: Final = (".jsonl", ".ndjson", ".csv", ".tsv")
"""Formats whose rows are lines. In CSV a quoted line feed ends a line too, and the header is row 0."""

PROOF_TYPE: Final = "https://govkernel.dev/dataset-proof/v1"


@dataclass(frozen=True)
class RowProof:
    """Where a row stands in its shard's tree, and the way to its root."""

    index: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True)
class SampleProof:
    """Where a shard stands in a dataset's tree, and the way to its root; for a row, that in the shard's tree too."""

    shard: Shard
    index: int
    size: int
    proof: tuple[bytes, ...]
    row: RowProof | None = None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        found: dict[str, Any] = {
            "type": PROOF_TYPE,
            "shard": self.shard.document(),
            "index": self.index,
            "size": self.size,
            "proof": [item.hex() for item in self.proof],
        }
        if self.row is not None:
            found["row"] = {"index": self.row.index, "proof": [item.hex() for item in self.row.proof]}
        return found

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """From the JSON of :meth:`document`.

        Raises:
            InputError: ``json.*`` or ``dataset.malformed``.
            ProvenanceError: ``provenance.path-*``.
        """
        value = strict_json.loads(content, max_bytes=MAX_PROOF)
        if not isinstance(value, dict) or value.get("type") != PROOF_TYPE:
            raise malformed("The file is not a proof about a dataset.")
        row = value.get("row")
        if row is not None and not isinstance(row, dict):
            raise malformed("The row's proof is none.")
        return cls(
            Shard.parse(value.get("shard")),
            _number(value.get("index")),
            _number(value.get("size")),
            tuple(hashes(value.get("proof"))),
            None if row is None else RowProof(_number(row.get("index")), tuple(hashes(row.get("proof")))),
        )


def prove(tree: DatasetTree, path: str, row: tuple[int, Sequence[bytes]] | None = None) -> SampleProof:
    """The proof for a shard, or for one of its rows.

    Args:
        tree: the dataset.
        path: of the shard inside it.
        row: its position, and the hashes of all rows of the shard.

    Raises:
        InputError: ``dataset.shard-unknown``, ``dataset.row-unknown``.
        ProvenanceError: ``dataset.sample-mismatch``: the rows are not those of the shard in the tree.
    """
    index, shard, proof = tree.inclusion(path)
    found = SampleProof(shard, index, tree.root.size, tuple(proof))
    if row is None:
        return found
    number, leaves = row
    if shard.rows is None or not 0 <= number < shard.rows.size:
        raise _no_row(shard, number)
    grown, nodes = merkle.CompactRange().extend(leaves)
    if Root(grown.size, grown.root()) != shard.rows:
        raise _mismatch("The shard's rows are not those of the tree.")
    known = {(node.level, node.index): node.hash for node in nodes}
    steps = merkle.inclusion_proof(
        number, grown.size, lambda level, place: known[level, place] if level else leaves[place]
    )
    return SampleProof(shard, index, found.size, found.proof, RowProof(number, tuple(steps)))


def has_rows(path: str) -> bool:
    """Whether the rows of a shard are its lines, by its name; other formats have none that a tree knows."""
    return path.lower().endswith(LINES)


def _no_row(shard: Shard, number: int) -> InputError:
    whole = "Prove the whole shard."
    if shard.rows is not None:
        why, remedy = f"It has {shard.rows.size} rows, counted from 0.", whole
    elif has_rows(shard.path):
        why, remedy = (
            "The tree was made without rows.",
            "Make the tree with --rows, or prove the whole shard.",
        )
    else:
        why, remedy = f"Only lines are rows, and only these formats have them: {', '.join(LINES)}.", whole
    what = f"The tree knows no row {number} of {ascii(shard.path)[:200]}."
    return InputError("dataset.row-unknown", what, why=why, remedy=remedy)


def check(sample: SampleProof, sha256: str, row: bytes, signed: Root) -> None:
    """Refuse a sample that is not in the dataset.

    Args:
        sample: the proof that came with it.
        sha256: of the sample's bytes, hex; compared for a shard.
        row: the sample's bytes without the end of line; compared for a row.
        signed: the root from a verified statement.

    Raises:
        ProvenanceError: ``dataset.sample-mismatch`` or ``dataset.proof-invalid``.
    """
    shard = sample.shard
    if sample.row is None:
        if sha256 != shard.sha256:
            raise _mismatch("The file is not the shard that the proof is about.")
    elif shard.rows is None or not merkle.verify_inclusion(
        merkle.leaf_hash(row), sample.row.index, shard.rows.size, sample.row.proof, shard.rows.root
    ):
        raise _mismatch("The row is not the one that the proof is about.")
    inside = sample.size == signed.size and merkle.verify_inclusion(
        shard.leaf, sample.index, signed.size, sample.proof, signed.root
    )
    if not inside:
        raise ProvenanceError(
            "dataset.proof-invalid",
            "The proof does not lead to the root that was signed.",
            why="It was made for another state of the dataset, or changed.",
            remedy="Make the proof again with `govkernel dataset prove`, from the tree that was signed.",
        )


class RowHasher:
    """Builds the tree over the lines of a shard while it is read; the last line may lack its end.

    A line is what stands before a line feed, a carriage return before it included; memory is one line and 64 hashes.
    """

    def __init__(self) -> None:
        self._range = merkle.CompactRange()
        self._line = hashlib.sha256(b"\x00")
        self._begun = False

    def take(self, block: memoryview) -> None:
        """The next bytes of the shard."""
        *whole, rest = bytes(block).split(b"\n")
        self._range, _ = self._range.extend(self._ends(whole))
        self._line.update(rest)
        self._begun = self._begun or bool(rest)

    def root(self) -> Root:
        """Number and root of the rows, at the end of the shard."""
        last = [self._line.digest()] if self._begun else []
        grown, _ = self._range.extend(last)
        return Root(grown.size, grown.root())

    def _ends(self, lines: Sequence[bytes]) -> Iterator[bytes]:
        for line in lines:
            self._line.update(line)
            yield self._line.digest()
            self._line, self._begun = hashlib.sha256(b"\x00"), False


def row_leaves(content: bytes) -> list[bytes]:
    """The leaf hashes of all lines of a shard."""
    lines = content.split(b"\n")
    return [merkle.leaf_hash(line) for line in (lines if lines[-1] else lines[:-1])]


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_ROWS:
        raise malformed("A position is not a whole number.")
    return value


def _mismatch(what: str) -> ProvenanceError:
    return ProvenanceError(
        "dataset.sample-mismatch", what, remedy="Take the sample again from the dataset that was signed."
    )

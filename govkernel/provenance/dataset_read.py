"""Read the shards of a dataset's folder: those that are new to its tree are hashed, with their rows if asked."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from govkernel.errors import InputError, ProvenanceError
from govkernel.provenance.dataset_sample import RowHasher, SampleProof, has_rows, prove, row_leaves
from govkernel.provenance.dataset_tree import DatasetTree, Root, Shard
from govkernel.provenance.files import FileStamp, HashedFile, hash_file, hash_open, hash_tree

MAX_SHARD: Final = 1024 * 1024 * 1024
"""Bytes of a shard of which a row is to be proven; it is held in memory."""


def read_tree(folder: Path, *, rows: bool = False) -> DatasetTree:
    """The tree of everything in a folder, shards in the order of their names.

    Args:
        folder: the dataset.
        rows: the lines of line formats get a tree of their own each.

    Raises:
        InputError: ``dataset.not-a-folder``.
        ProvenanceError: it holds what cannot be signed (links, unsafe names, nothing, …).
    """
    return DatasetTree.of(_shards(folder, {}, rows=rows))


def grow_tree(folder: Path, before: DatasetTree, *, rows: bool = False) -> DatasetTree:
    """The tree with what is in the folder and not in it yet; what is in it is looked for, and not read again.

    Raises:
        InputError: ``dataset.not-a-folder``, ``dataset.nothing-new``.
        ProvenanceError: ``dataset.shard-missing``, or like :func:`read_tree`.
    """
    known = {item.path: item for item in before.shards}
    found = _shards(folder, known, rows=rows)
    gone = known.keys() - {item.path for item in found}
    if gone:
        raise ProvenanceError(
            "dataset.shard-missing",
            f"{len(gone)} shards of the tree are not in the folder, e.g. {ascii(min(gone))[:200]}.",
            why="A dataset that only grows keeps all it had.",
            remedy="Restore them, or make a new tree.",
        )
    new = [item for item in found if item.path not in known]
    if not new:
        raise InputError(
            "dataset.nothing-new", "There is no shard that the tree lacks.", remedy="Add shards, then append."
        )
    return before.extended(new)


def prove_row(folder: Path, tree: DatasetTree, path: str, row: int) -> SampleProof:
    """The proof for one row; the shard is read for it.

    Raises:
        InputError: ``dataset.shard-unknown``, ``dataset.shard-too-large`` or ``dataset.row-unknown``.
        ProvenanceError: ``dataset.sample-mismatch``, or the shard cannot be read.
    """
    tree.inclusion(path)
    content = bytearray()

    def collect(descriptor: int, name: str, stamp: FileStamp) -> HashedFile:
        if stamp.size > MAX_SHARD:
            raise InputError(
                "dataset.shard-too-large",
                f"{ascii(path)[:200]} has more than {MAX_SHARD} bytes.",
                remedy="Prove the whole shard.",
            )
        return hash_open(descriptor, name, stamp, content.extend)

    hash_file(folder / path, path, collect)
    return prove(tree, path, (row, row_leaves(bytes(content))))


def _shards(folder: Path, known: dict[str, Shard], *, rows: bool) -> list[Shard]:
    if folder.is_symlink() or not folder.is_dir():
        raise InputError(
            "dataset.not-a-folder",
            f"{str(folder)!r} is not a folder of shards.",
            remedy="Put the dataset's files in a folder; a single file is signed as it is.",
        )
    trees: dict[str, Root] = {}

    def reader(descriptor: int, name: str, stamp: FileStamp) -> HashedFile:
        if name in known:
            return HashedFile(name, known[name].sha256, b"", stamp.size)
        if not rows or not has_rows(name):
            return hash_open(descriptor, name, stamp)
        lines = RowHasher()
        found = hash_open(descriptor, name, stamp, lines.take)
        trees[name] = lines.root()
        return found

    files = sorted(hash_tree(folder, reader), key=lambda item: item.path)
    return [Shard(item.path, item.sha256, trees.get(item.path)) for item in files]

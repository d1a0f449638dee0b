"""The content of an artifact that is kept elsewhere, hashed as it comes: bounded, in constant memory, read once.

What is read from a cache, a bucket, a registry or a repository has the digest that the same files have in a directory
(:mod:`govkernel.domain.manifest`). No I/O here: whoever reads hands over the bytes, block by block.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

from govkernel.domain.artifact import Artifact, ArtifactKind, ArtifactRef, Digest
from govkernel.domain.formats import formats_of
from govkernel.domain.manifest import (
    MANIFEST_END,
    MANIFEST_KINDS,
    MANIFEST_START,
    is_ignored,
    model_manifest_digest,
    oms_root,
)
from govkernel.domain.paths import check_distinct, check_path
from govkernel.errors import ProvenanceError

HEAD: Final = 16
"""Bytes at the start of a file that tell its format."""

READABLE: Final = MANIFEST_KINDS | {ArtifactKind.DATASET, ArtifactKind.TOOL}
"""Kinds whose digest follows from the bytes of their files alone. That of a prompt needs its canonical form, that of
an image is its registry's."""


class ReadFile(NamedTuple):
    """A file that was read.

    Attributes:
        path: relative to the artifact, with ``/``.
        sha256: of its bytes, hex.
        head: its first 16 bytes.
        size: in bytes.
        poses: it starts and ends as a model manifest does.
    """

    path: str
    sha256: str
    head: bytes
    size: int
    poses: bool


class Content:
    """The files of one artifact, which are read one after the other.

    Args:
        paths: of all files, relative to the artifact; those that are no part of it are left out.
        max_bytes: of all files together.

    Attributes:
        paths: of the files that have to be read, sorted.

    Raises:
        ProvenanceError: ``provenance.empty``, or names that may not stand in a manifest, before any file is read.
    """

    def __init__(self, paths: Iterable[str], *, max_bytes: int) -> None:
        wanted = [check_path(path) for path in paths if not is_ignored(path)]
        check_distinct(wanted)
        if not wanted:
            raise ProvenanceError(
                "provenance.empty",
                "There is no file to speak about.",
                why="An empty model has no content that a signature could protect.",
                remedy="Check the name.",
            )
        self.paths = tuple(sorted(wanted))
        self._left = self._limit = max_bytes
        self._read: dict[str, ReadFile] = {}

    def file(self, path: str) -> FileHasher:
        """Begins a file, which counts once :meth:`FileHasher.done` was called."""
        return FileHasher(path, self)

    def spend(self, size: int) -> None:
        """Take some bytes off the limit.

        Raises:
            ProvenanceError: ``resolve.too-large``.
        """
        self._left -= size
        if self._left < 0:
            raise ProvenanceError(
                "resolve.too-large",
                f"The content is larger than {self._limit:,} bytes.",
                remedy="Raise max_bytes in the plugin's settings if it should be that large.",
            )

    def keep(self, file: ReadFile) -> None:
        """Count a file as read."""
        self._read[file.path] = file

    def artifact(self, ref: ArtifactRef, *, single: bool = False, location: str | None = None) -> Artifact:
        """The artifact, once all files were read.

        Args:
            ref: the name that led here.
            single: the name is that of one file, not of a directory that holds one.
            location: where its files can be read on this machine, if they can.

        Raises:
            ProvenanceError: ``provenance.digest-confusion``: a data file made up to have the digest of a model.
            ValueError: a file was not read.
        """
        if self._read.keys() != set(self.paths):
            raise ValueError("an artifact is known once all its files were read")
        files = {path: file.sha256 for path, file in self._read.items()}
        plain = tuple(Digest.sha256(digest) for digest in files.values()) if single else ()
        digest = model_manifest_digest(files)
        if single and ref.kind not in MANIFEST_KINDS:
            digest = plain[0]
            _refuse_posing(next(iter(self._read.values())))
        return Artifact(
            kind=ref.kind,
            name=ref.uri,
            digest=digest,
            aliases=tuple(item for item in (oms_root(files), *plain) if item != digest),
            pinned=ref.pinned,
            observed=True,
            formats=formats_of((file.path, file.head) for file in self._read.values()),
            location=location,
            where=ref.where,
        )


class FileHasher:
    """Hashes one file as its blocks come.

    Args:
        path: of the file in the artifact.
        content: what it is part of.
    """

    def __init__(self, path: str, content: Content) -> None:
        self._path = path
        self._content = content
        self._sha256 = hashlib.sha256()
        self._head = self._tail = b""
        self._size = 0

    def take(self, block: bytes | memoryview) -> None:
        """The next block.

        Raises:
            ProvenanceError: ``resolve.too-large``.
        """
        self._content.spend(len(block))
        self._sha256.update(block)
        self._size += len(block)
        if len(self._head) < HEAD:
            self._head += bytes(block[: HEAD - len(self._head)])
        self._tail = (self._tail + bytes(block[-len(MANIFEST_END) :]))[-len(MANIFEST_END) :]

    def done(self, size: int | None = None) -> ReadFile:
        """The file, which was read completely.

        Args:
            size: what it must have, in bytes; None when that is not known.

        Raises:
            ProvenanceError: ``resolve.incomplete``: it has another size.
        """
        if size is not None and size != self._size:
            raise ProvenanceError(
                "resolve.incomplete",
                f"The file {ascii(self._path)[:200]} has {self._size:,} bytes where {size:,} were announced.",
                why="It changed while it was read, or not all of it came.",
                remedy="Ask again once nothing writes there any more.",
            )
        poses = self._head.startswith(MANIFEST_START) and self._tail == MANIFEST_END
        read = ReadFile(self._path, self._sha256.hexdigest(), self._head, self._size, poses)
        self._content.keep(read)
        return read


def named(artifact: Artifact, ref: ArtifactRef) -> Artifact:
    """An artifact that was read before, as another name of the same content and kind asks for it."""
    return artifact.model_copy(update={"name": ref.uri, "pinned": ref.pinned, "where": ref.where})


def _refuse_posing(file: ReadFile) -> None:
    if file.poses:
        raise ProvenanceError(
            "provenance.digest-confusion",
            f"{ascii(file.path)[:200]} is a model manifest posing as another kind of artifact.",
            why="A statement about it would also be a statement about the model it lists.",
            remedy="Keep manifests out of datasets.",
        )

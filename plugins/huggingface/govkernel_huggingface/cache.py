"""Reads a cache of the hub's tools (huggingface_hub, "Understand caching") without following a link out of it.

The folder of a repository has ``refs/REVISION`` (a commit), ``snapshots/COMMIT/PATH`` (links) and ``blobs/NAME``
(content). A link in a snapshot may lead into ``blobs`` of the same repository, and a blob into the store of blobs that
the repositories of one cache share; any other link is refused.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from govkernel.domain.content import FileHasher
from govkernel.domain.paths import MAX_FILES
from govkernel.errors import GovkernelError
from govkernel_huggingface import folders
from govkernel_huggingface.folders import IsLinkError

BLOCK: Final = 1024 * 1024
MAX_DEPTH: Final = 64

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_BLOB: Final = re.compile(r"((?:\.\./)+)blobs/([0-9A-Za-z][0-9A-Za-z_-]{0,254})")
_SHARED: Final = re.compile(r"\.\./\.\./(blobs)/([0-9a-f]{2})/(\2[0-9a-f]{62})")

Place = tuple[str, ...]
"""Names of folders and of a file, from the root of the cache."""


class Entry(NamedTuple):
    """A file of a snapshot.

    Attributes:
        path: in the snapshot, with ``/``.
        place: of its content: a blob, or the file itself where the cache has no links.
        stamp: of its content: device, inode, size, and when it was changed.
    """

    path: str
    place: Place
    stamp: tuple[int, ...]


class Cache:
    """One cache.

    Args:
        root: its folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def commit(self, repository: str, revision: str) -> str | None:
        """The commit of a revision; None when the cache does not know it.

        Args:
            repository: name of its folder.
            revision: commit, branch or tag.

        Raises:
            GovkernelError: ``huggingface.cache``, ``huggingface.link``.
        """
        if _COMMIT.fullmatch(revision):
            return revision
        place = (repository, "refs", *revision.split("/"))
        with _explained("/".join(place)):
            try:
                with folders.file(self.root, place) as (opened, status):
                    text = os.read(opened, 64).decode("ascii", "replace").strip()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None
            if not _COMMIT.fullmatch(text) or not stat.S_ISREG(status.st_mode):
                raise _unusable("/".join(place), "It holds no commit.")
        return text

    def snapshot(self, repository: str, commit: str) -> list[Entry] | None:
        """The files of a snapshot; None when the cache has no such snapshot.

        Raises:
            GovkernelError: ``huggingface.link``, ``huggingface.cache``.
        """
        place = (repository, "snapshots", commit)
        with _explained("/".join(place)):
            try:
                with folders.folder(self.root, place):
                    pass
            except FileNotFoundError:
                return None
            return sorted(islice(self._walk(place, ()), MAX_FILES + 1))

    def read(self, entry: Entry, hasher: FileHasher) -> None:
        """Hash the content of a file.

        Raises:
            GovkernelError: ``huggingface.changed``, ``huggingface.cache``, or what the hasher refuses.
        """
        with _explained(entry.path), folders.file(self.root, entry.place) as (opened, status):
            buffer = memoryview(bytearray(min(BLOCK, status.st_size + 1)))
            while count := os.readv(opened, [buffer]):
                hasher.take(buffer[:count])
            after = os.fstat(opened)
        if not _stamp(status) == _stamp(after) == entry.stamp:
            raise changed(entry.path)
        hasher.done(status.st_size)

    def _walk(self, snapshot: Place, below: Place) -> Iterator[Entry]:
        if len(below) > MAX_DEPTH:
            raise _unusable("/".join(below), f"Folders are nested more than {MAX_DEPTH} deep.")
        with folders.folder(self.root, (*snapshot, *below)) as opened, os.scandir(opened) as found:
            kinds = [(item.name, item.is_dir(follow_symlinks=False)) for item in islice(found, MAX_FILES + 1)]
        for name, is_folder in kinds:
            if is_folder:
                yield from self._walk(snapshot, (*below, name))
            else:
                yield self._entry(snapshot, (*below, name))

    def _entry(self, snapshot: Place, path: Place) -> Entry:
        """A file with the place of its content, after at most two links."""
        place, name = (*snapshot, *path), "/".join(path)
        for follow in (self._into_blobs, self._into_shared, None):
            try:
                with folders.file(self.root, place) as (_, status):
                    if not stat.S_ISREG(status.st_mode):
                        raise _unusable(name, "It is neither a file nor a folder.")
                    return Entry(name, place, _stamp(status))
            except IsLinkError:
                if follow is None:
                    raise
                place = follow(place, path)
        raise IsLinkError

    def _into_blobs(self, place: Place, path: Place) -> Place:
        said = _BLOB.fullmatch(folders.link(self.root, place))
        if said is None or said[1].count("/") != len(path) + 1:
            raise IsLinkError
        return place[0], "blobs", said[2]

    def _into_shared(self, place: Place, _path: Place) -> Place:
        said = _SHARED.fullmatch(folders.link(self.root, place))
        if said is None:
            raise IsLinkError
        return said[1], said[2], said[3]


def changed(path: str) -> GovkernelError:
    """The error for content that did not stay what it was while it was read."""
    return GovkernelError(
        "huggingface.changed",
        f"{ascii(path)[:200]} changed while the snapshot was read.",
        remedy="Ask again once nothing is downloaded into the cache any more.",
    )


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Links and errors of the file system as errors that advise."""
    try:
        yield
    except IsLinkError:
        raise GovkernelError(
            "huggingface.link",
            f"A link in the cache leads elsewhere, at {ascii(name)[:200]}.",
            why="Links of a snapshot may lead into the blobs of its repository, and those into the shared ones.",
            remedy="Find out who put it there; then delete the repository from the cache and download it again.",
        ) from None
    except OSError as error:
        raise _unusable(name, error.strerror or type(error).__name__) from None


def _unusable(name: str, why: str) -> GovkernelError:
    return GovkernelError(
        "huggingface.cache",
        f"{ascii(name)[:200]} of the cache cannot be used.",
        why=why,
        remedy="Download the repository again, and check that the cache may be read.",
    )


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns

"""Read the files of an artifact: no links, no devices, each opened once, hashed as a stream, large ones in parallel.

What model-signing ignores by default is ignored here too: git's own files, and the signature file at the top.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, Self

from govkernel.domain.manifest import IGNORED, IGNORED_FOLDERS
from govkernel.domain.paths import MAX_FILES
from govkernel.errors import ProvenanceError

BLOCK: Final = 1024 * 1024
LARGE: Final = 256 * 1024
"""From this size on, a file is worth handing to a thread; smaller ones are slower with threads."""

HEAD: Final = 16
"""Bytes at the start of a file that tell its format."""

MAX_DEPTH: Final = 64

_REMEDY: Final = "Replace links by the files they point to, and let nothing write to the artifact meanwhile."
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FileStamp(NamedTuple):
    """What the file system says about an open file: where it is, how long, when changed (nanoseconds)."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """From the answer of ``fstat``."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class HashedFile(NamedTuple):
    """A file that was read.

    Attributes:
        path: relative to the artifact, with ``/``.
        sha256: of its bytes, hex.
        head: its first 16 bytes.
        size: in bytes.
        stamp: the file it was, unchanged from before it was read until after; None if it was not read here.
    """

    path: str
    sha256: str
    head: bytes
    size: int
    stamp: FileStamp | None = None


Reader = Callable[[int, str, FileStamp], HashedFile]
"""Reads an open regular file: its descriptor, its path in the artifact, its stamp."""


def hash_open(
    descriptor: int, name: str, before: FileStamp, take: Callable[[memoryview], object] | None = None
) -> HashedFile:
    """Hash an open file from where it stands to its end.

    Args:
        descriptor: of a regular file.
        name: its path in the artifact.
        before: its stamp.
        take: is given each block too, once it was hashed.

    Raises:
        ProvenanceError: ``provenance.unreadable`` or ``provenance.changed-while-read``.
    """
    hasher, head, size = hashlib.sha256(), b"", 0
    buffer = memoryview(bytearray(min(BLOCK, before.size + 1)))
    try:
        while count := os.readv(descriptor, [buffer]):
            block = buffer[:count]
            hasher.update(block)
            if take is not None:
                take(block)
            if len(head) < HEAD:
                head += bytes(block[: HEAD - len(head)])
            size += count
            if size > before.size:  # whoever keeps appending would keep us reading
                break
        after = FileStamp.of(os.fstat(descriptor))
    except OSError as error:
        raise _unreadable(None, name, error) from None
    if before != after or size != after.size:
        raise refused("changed-while-read", name, "It changed while it was read.")
    return HashedFile(name, hasher.hexdigest(), head, size, after)


def hash_file(path: Path | str, name: str, read: Reader = hash_open) -> HashedFile:
    """Open one regular file and read it.

    Raises:
        ProvenanceError: ``provenance.symlink``, ``provenance.not-regular``, ``provenance.unreadable`` or
            ``provenance.changed-while-read``.
    """
    descriptor, stamp = _open(path, name)
    try:
        return read(descriptor, name, stamp)
    finally:
        os.close(descriptor)


def hash_tree(root: Path, read: Reader = hash_open) -> list[HashedFile]:
    """Read every file under a directory, in no particular order.

    Args:
        root: the directory.
        read: how; large files are read in several threads at once.

    Raises:
        ProvenanceError: like :func:`hash_file`, or ``provenance.too-many-files``, ``provenance.too-deep``.
    """
    done: list[HashedFile] = []
    large: list[tuple[int, str, str]] = []
    for count, (path, name) in enumerate(_walk(str(root), "", MAX_DEPTH), start=1):
        if count > MAX_FILES:
            raise ProvenanceError(
                "provenance.too-many-files",
                f"{root.name!r} holds more than {MAX_FILES:,} files.",
                remedy="Pack the small files of the artifact into fewer larger ones.",
            )
        descriptor, stamp = _open(path, name)
        try:
            if stamp.size < LARGE:
                done.append(read(descriptor, name, stamp))
            else:
                large.append((stamp.size, path, name))
        finally:
            os.close(descriptor)
    if len(large) < 2:
        return done + [hash_file(path, name, read) for _, path, name in large]
    # The largest first, lest one of them is begun when all others are done.
    large.sort(reverse=True)
    with ThreadPoolExecutor(max_workers=min(len(large), cores())) as pool:
        return done + list(pool.map(lambda item: hash_file(item[1], item[2], read), large))


def _open(path: Path | str, name: str) -> tuple[int, FileStamp]:
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise _unreadable(path, name, error) from None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return descriptor, FileStamp.of(status)
    os.close(descriptor)
    raise refused("not-regular", name, "It is neither a file nor a directory.")


def cores() -> int:
    """CPUs this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _walk(directory: str, prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth == 0:
        raise refused("too-deep", prefix, f"Directories are nested more than {MAX_DEPTH} deep.")
    try:
        with os.scandir(directory) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(directory, prefix or directory, error) from None
    for entry in entries:
        name = prefix + entry.name
        if name in IGNORED and (name in IGNORED_FOLDERS or not entry.is_dir(follow_symlinks=True)):
            continue
        if entry.is_symlink():
            raise refused("symlink", name, "It is a symbolic link, whose target may change unnoticed.")
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, f"{name}/", depth - 1)
        else:
            yield entry.path, name


def _unreadable(path: Path | str | None, name: str, error: OSError) -> ProvenanceError:
    if path is not None and Path(path).is_symlink():
        return refused("symlink", name, "It is a symbolic link, whose target may change unnoticed.")
    return refused("unreadable", name, error.strerror or type(error).__name__, "Check its permissions.")


def refused(problem: str, name: str, why: str, remedy: str = _REMEDY) -> ProvenanceError:
    """The error for a file that may not be part of an artifact."""
    return ProvenanceError(
        f"provenance.{problem}",
        f"The file {ascii(name)[:200]} cannot be part of an artifact.",
        why=why,
        remedy=remedy,
    )

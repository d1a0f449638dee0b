"""Read the files of an artifact: no links, no devices, hashed as a stream, large files in parallel.

What model-signing ignores by default is ignored here too: git's own files, and the signature file at the top.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from govkernel.domain.manifest import IGNORED
from govkernel.errors import ProvenanceError
from govkernel.provenance.limits import MAX_FILES

BLOCK: Final = 1024 * 1024
LARGE: Final = 8 * 1024 * 1024
"""From this size on, a file is worth a thread of its own; smaller ones are slower with threads."""

HEAD: Final = 16
"""Bytes at the start of a file that tell its format."""

MAX_DEPTH: Final = 64

_IGNORED_FOLDERS: Final = frozenset({".git", ".github"})
"""A folder called like one of the ignored files is part of the artifact: it could hold anything, unsigned."""


@dataclass(frozen=True, slots=True)
class HashedFile:
    """A file that was read.

    Attributes:
        path: relative to the artifact, with ``/``.
        sha256: of its bytes, hex.
        head: its first 16 bytes.
        size: in bytes.
    """

    path: str
    sha256: str
    head: bytes
    size: int


def hash_file(path: Path, name: str) -> HashedFile:
    """Read one regular file.

    Raises:
        ProvenanceError: ``provenance.symlink``, ``provenance.not-regular``, ``provenance.unreadable`` or
            ``provenance.changed-while-read``.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable(path, name, error) from None
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise _refused("not-regular", name, "It is neither a file nor a directory.")
        hasher, head, size = hashlib.sha256(), b"", 0
        buffer = bytearray(min(BLOCK, before.st_size + 1))
        view = memoryview(buffer)
        while count := stream.readinto(buffer):
            hasher.update(view[:count])
            head = head or bytes(view[:HEAD])
            size += count
        after = os.fstat(descriptor)
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, size):
        raise _refused("changed-while-read", name, "It changed while it was read.")
    return HashedFile(name, hasher.hexdigest(), head[:size], size)


def hash_tree(root: Path) -> list[HashedFile]:
    """Read every file under a directory, in no particular order.

    Raises:
        ProvenanceError: like :func:`hash_file`, or ``provenance.too-many-files``, ``provenance.too-deep``.
    """
    small: list[HashedFile] = []
    large: list[tuple[Path, str]] = []
    for count, (path, name, size) in enumerate(_walk(root, "", MAX_DEPTH), start=1):
        if count > MAX_FILES:
            raise ProvenanceError(
                "provenance.too-many-files",
                f"{root.name!r} holds more than {MAX_FILES:,} files.",
                remedy="Pack the small files of the artifact into fewer larger ones.",
            )
        if size < LARGE:
            small.append(hash_file(path, name))
        else:
            large.append((path, name))
    if len(large) < 2:
        return small + [hash_file(path, name) for path, name in large]
    with ThreadPoolExecutor(max_workers=min(len(large), os.cpu_count() or 1)) as pool:
        return small + list(pool.map(lambda item: hash_file(*item), large))


def _walk(directory: Path, prefix: str, depth: int) -> Iterator[tuple[Path, str, int]]:
    if depth == 0:
        raise _refused("too-deep", prefix, f"Directories are nested more than {MAX_DEPTH} deep.")
    try:
        with os.scandir(directory) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(directory, prefix or directory.name, error) from None
    for entry in entries:
        name = prefix + entry.name
        if name in IGNORED and (name in _IGNORED_FOLDERS or not entry.is_dir(follow_symlinks=True)):
            continue
        if entry.is_symlink():
            raise _refused("symlink", name, "It is a symbolic link, whose target may change unnoticed.")
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{name}/", depth - 1)
        else:
            yield Path(entry.path), name, _size(entry)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError as error:
        raise _unreadable(Path(entry.path), entry.name, error) from None


def _unreadable(path: Path, name: str, error: OSError) -> ProvenanceError:
    if path.is_symlink():
        return _refused("symlink", name, "It is a symbolic link, whose target may change unnoticed.")
    return _refused("unreadable", name, error.strerror or type(error).__name__)


def _refused(problem: str, name: str, why: str) -> ProvenanceError:
    return ProvenanceError(
        f"provenance.{problem}",
        f"The file {ascii(name)[:200]} cannot be part of an artifact.",
        why=why,
        remedy="Replace links by the files they point to, and let nothing write to the artifact meanwhile.",
    )

"""Pin an artifact: copy it while it is hashed, so that what is verified is what is loaded.

Each file is opened once, without following links; the blocks that are hashed are the blocks that are written. The copy
is private until it is moved, in one step, to where loaders look. docs/adr/0015-receipts-and-read-once.md.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from govkernel.errors import ProvenanceError
from govkernel.provenance.digest import read
from govkernel.provenance.files import FileStamp, HashedFile, hash_open
from govkernel.provenance.manifest import ModelManifest

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_ONLY: Final = 0o444
STAGE: Final = ".govkernel-pin-"
"""How directories are called in which copies are made."""

_LISTED: Final = 0o555


@dataclass(frozen=True)
class PinnedCopy:
    """A copy of an artifact that only this user can reach, read-only.

    Attributes:
        path: the copy; it has the base name of the artifact.
        manifest: the files, by what was written.
        files: each of them.
    """

    path: Path
    manifest: ModelManifest
    files: list[HashedFile]

    def read(self, path: Path) -> tuple[ModelManifest, list[HashedFile]]:
        """What the copy holds; follows :data:`govkernel.provenance.digest.PathReader` for its own path."""
        if path != self.path:
            raise ValueError("only the copy was read")
        return self.manifest, self.files

    def move(self, target: Path) -> Path:
        """Put the copy at ``target``, durably and in one step; a copy of the same content there already is left.

        Args:
            target: becomes the directory, or for a single file the directory that holds it. It is not there yet, or
                empty, or a pinned copy of the same; on the same file system as the copy.

        Returns:
            Where the artifact lies now.

        Raises:
            ProvenanceError: ``pin.exists`` or ``pin.unwritable``.
        """
        single = self.manifest.single
        final = target / self.path.name if single else target
        try:
            try:
                (self.path.parent if single else self.path).rename(target)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not self._is_at(final, target):
                    raise
            else:
                target.chmod(_LISTED)
                _sync(target.parent)
        except OSError as error:
            raise _unwritable(target, error) from None
        return final

    def _is_at(self, final: Path, target: Path) -> bool:
        """Whether this user pinned the same there before, e.g. before a restart."""
        everything = [target, *target.rglob("*")]
        kept = all(
            item.lstat().st_uid == os.geteuid() and not stat.S_IMODE(item.lstat().st_mode) & 0o222
            for item in everything
        )
        files = sum(not item.is_dir() for item in everything)
        if kept and files == len(self.manifest.files):
            with contextlib.suppress(ProvenanceError):
                return read(final)[0] == self.manifest
        return False


@contextmanager
def pinned(source: Path, beside: Path, skip: frozenset[str] = frozenset()) -> Iterator[PinnedCopy]:
    """A private copy of what lies at ``source``, made while it is hashed; removed at the end unless it was moved.

    Args:
        source: a file or directory.
        beside: the directory to make the copy in.
        skip: files of a directory, relative with ``/``, that are not copied.

    Raises:
        ProvenanceError: the artifact cannot be read, ``pin.inside``, or ``pin.unwritable``.
    """
    if beside.resolve().is_relative_to(source.resolve()):
        raise ProvenanceError(
            "pin.inside",
            f"The copy in {str(beside)!r} would lie inside what is copied.",
            remedy="Name a directory elsewhere.",
        )
    try:
        _remove_abandoned(beside)
        stage, lock = _stage(beside)
    except OSError as error:
        raise _unwritable(beside, error) from None
    try:
        yield _copy(source, stage / source.absolute().name, skip)
    finally:
        _remove(stage)
        os.close(lock)


def _stage(beside: Path) -> tuple[Path, int]:
    """A new directory for a copy, and the descriptor that holds it locked for as long as we live."""
    while True:
        stage = Path(tempfile.mkdtemp(prefix=STAGE, dir=beside))
        lock = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # taken for abandoned before it was locked: another one, then
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if stage.stat().st_ino == os.fstat(lock).st_ino:
                return stage, lock
        os.close(lock)


def _remove_abandoned(beside: Path) -> None:
    """Remove copies whose makers were killed."""
    for stage in beside.glob(f"{STAGE}*"):
        with contextlib.suppress(OSError):
            lock = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(lock).st_uid == os.geteuid():
                    _remove(stage)
            finally:
                os.close(lock)


def _copy(source: Path, target: Path, skip: frozenset[str]) -> PinnedCopy:
    single = not source.is_dir()

    def reader(descriptor: int, name: str, stamp: FileStamp) -> HashedFile:
        if not single and name in skip:
            return hash_open(descriptor, name, stamp)
        return _write(descriptor, name, stamp, target if single else target / name)

    manifest, files = read(source, reader)
    if not single and skip:
        files = [item for item in files if item.path not in skip]
        manifest = ModelManifest.of((item.path, item.sha256) for item in files)
    try:
        for folder in [] if single else [*(item for item in target.rglob("*") if item.is_dir()), target]:
            # The topmost stays writable for us until it was moved: moving it changes its own "..".
            folder.chmod(_LISTED if folder != target else 0o700)
            _sync(folder)
    except OSError as error:
        raise _unwritable(target, error) from None
    return PinnedCopy(target, manifest, files)


def _write(descriptor: int, name: str, stamp: FileStamp, place: Path) -> HashedFile:
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy = os.open(place, _NEW, 0o600)
    except OSError as error:
        raise _unwritable(place, error) from None
    with os.fdopen(copy, "wb", buffering=0) as stream:

        def take(block: memoryview) -> None:
            try:
                while block:
                    block = block[stream.write(block) :]
            except OSError as error:
                raise _unwritable(place, error) from None

        hashed = hash_open(descriptor, name, stamp, take)
        try:
            os.fchmod(copy, _READ_ONLY)
            os.fsync(copy)
        except OSError as error:
            raise _unwritable(place, error) from None
    return hashed


def _remove(stage: Path) -> None:
    """Remove the copy, read-only directories and all; what was moved away is not there."""
    for folder, names, _ in os.walk(stage):
        for name in names:
            with contextlib.suppress(OSError):
                Path(folder, name).chmod(0o700)
    shutil.rmtree(stage, ignore_errors=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(place: Path, error: OSError) -> ProvenanceError:
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
        return ProvenanceError(
            "pin.exists",
            f"Something else is at {str(place)!r} already.",
            remedy="Remove it, or pin to another directory.",
        )
    return ProvenanceError(
        "pin.unwritable",
        f"The copy cannot be written to {str(place)!r}.",
        why=error.strerror or type(error).__name__,
        remedy="Check the space and the permissions there.",
    )

"""Receipts: what was hashed once is not hashed again while the file system says it is the same file, unchanged.

A receipt lies in a directory of the verifier's own, never beside the artifact, under a keyed MAC. It is believed for a
file only if device, inode, size, modification and change time are the same to the nanosecond, on a file system that
tells of every change. Any doubt re-hashes. docs/adr/0015-receipts-and-read-once.md.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from govkernel.domain import strict_json
from govkernel.errors import ConfigError, GovkernelError
from govkernel.files import replace_file
from govkernel.provenance.digest import read
from govkernel.provenance.files import FileStamp, HashedFile, hash_open
from govkernel.provenance.filesystems import keeps_change_time
from govkernel.provenance.limits import MAX_RECEIPT
from govkernel.provenance.manifest import ModelManifest

YOUNG: Final = 2_000_000_000
"""Nanoseconds: a file that changed so short before it was hashed may change again within the same clock tick."""

KEY_SIZE: Final = 32
_MAC_SIZE: Final = 64
_VERSION: Final = 1
_ANY_TIME: Final = 1 << 64


class Receipts:
    """Reads artifacts like :func:`govkernel.provenance.digest.read`, and hashes only what it has no receipt for.

    Args:
        folder: where receipts and their key lie; made if it is not there, readable by its owner only.
        clock: nanoseconds since the epoch.
        reliable: whether the file system of a path tells of every change.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], int] = time.time_ns,
        reliable: Callable[[Path], bool] = keeps_change_time,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._reliable = reliable

    def read(self, path: Path) -> tuple[ModelManifest, list[HashedFile]]:
        """The manifest of a path and the files behind it; follows :data:`govkernel.provenance.digest.PathReader`.

        Raises:
            ProvenanceError: the artifact cannot be read.
            ConfigError: ``receipts.key``, ``receipts.inside`` or ``receipts.unwritable``.
        """
        if self._folder.resolve().is_relative_to(path.resolve()):
            raise ConfigError(
                "receipts.inside",
                f"The receipts {str(self._folder)!r} would lie inside the artifact.",
                why="They would be part of it, and whoever writes to the artifact could write them.",
                remedy="Name a directory elsewhere, e.g. in the workspace.",
            )
        if not path.exists() or not self._reliable(path):
            return read(path)
        key = self._key()
        reading = _Reading(self._known(path, key), path.stat().st_dev, self._clock)
        manifest, files = read(path, reading.file)
        if reading.known and len(reading.known) == len(files) and not reading.hashed:
            return manifest, files
        self._write(path, key, reading.receipt(files))
        return manifest, files

    def _known(self, path: Path, key: bytes) -> Mapping[str, HashedFile]:
        """The files of the receipt about a path; none if there is no receipt or its MAC is wrong."""
        try:
            with self._place(path).open("rb") as stream:
                content = stream.read(MAX_RECEIPT + 1)
        except OSError:
            return {}
        body, mac = content[:-_MAC_SIZE], content[-_MAC_SIZE:]
        if len(content) > MAX_RECEIPT or not hmac.compare_digest(mac, _mac(key, path, body)):
            return {}
        try:
            return {item.path: item for item in map(_hashed, strict_json.loads(body, max_bytes=MAX_RECEIPT))}
        except (GovkernelError, ValueError, TypeError, KeyError):
            return {}

    def _write(self, path: Path, key: bytes, files: Sequence[HashedFile]) -> None:
        body = strict_json.canonical([_document(item) for item in files])
        if len(body) + _MAC_SIZE > MAX_RECEIPT:
            return
        try:
            replace_file(self._place(path), body + _mac(key, path, body), 0o600)
        except OSError as error:
            raise _unwritable(self._folder, error) from None

    def _place(self, path: Path) -> Path:
        return self._folder / f"{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()}.receipt"

    def _key(self) -> bytes:
        """The key, made at first use.

        Raises:
            ConfigError: ``receipts.key``: others could read or have written it; ``receipts.unwritable``.
        """
        place = self._folder / "receipts.key"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not place.exists():
                _create(place)
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise _unwritable(self._folder, error) from None
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            key = stream.read(KEY_SIZE + 1)
        if status.st_uid != os.geteuid() or status.st_mode & 0o077 or len(key) != KEY_SIZE:
            raise ConfigError(
                "receipts.key",
                f"The key of the receipts in {str(self._folder)!r} cannot be trusted.",
                why="It must be 32 bytes in a file that only its owner, the user who verifies, can read or write.",
                remedy="Delete the directory; it is made again, and everything is hashed once more.",
            )
        return key


class _Reading:
    """One reading of an artifact: what was known of its files, and what had to be hashed."""

    def __init__(self, known: Mapping[str, HashedFile], device: int, clock: Callable[[], int]) -> None:
        self.known = known
        self.hashed = False
        self._device = device
        self._clock = clock
        self._latest: dict[str, int] = {}

    def file(self, descriptor: int, name: str, stamp: FileStamp) -> HashedFile:
        """The file from its receipt, or hashed; follows :data:`govkernel.provenance.files.Reader`."""
        known = self.known.get(name)
        if known is not None and known.stamp == stamp:
            self._latest[name] = _ANY_TIME
            return known
        self.hashed = True
        # A page that is mapped and dirty takes writes that no time tells of, until it is written back.
        if stamp.device == self._device and _written_back(descriptor):
            self._latest[name] = self._clock() - YOUNG
        return hash_open(descriptor, name, FileStamp.of(os.fstat(descriptor)))

    def receipt(self, files: Sequence[HashedFile]) -> list[HashedFile]:
        """The files that a receipt may be about: long unchanged when they were hashed, on the artifact's device."""
        return [item for item in files if _changed(item) < self._latest.get(item.path, 0)]


def _changed(item: HashedFile) -> int:
    """When the file changed last, by any of its times; nanoseconds."""
    return max(item.stamp.mtime_ns, item.stamp.ctime_ns) if item.stamp else _ANY_TIME


def _written_back(descriptor: int) -> bool:
    try:
        os.fsync(descriptor)
    except OSError:
        return False
    return True


def _create(place: Path) -> None:
    """Put a new key in its place in one step; if another process was quicker, its key stays."""
    draft = place.with_name(f".{secrets.token_hex(8)}.key")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(KEY_SIZE))
            stream.flush()
            os.fsync(descriptor)
        os.link(draft, place)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _mac(key: bytes, path: Path, body: bytes) -> bytes:
    """HMAC-SHA-256, in hex, over the version, the place of the artifact and the receipt, each with its length."""
    place = os.fsencode(path.absolute())
    head = b"govkernel-receipt/%d %d %b %d " % (_VERSION, len(place), place, len(body))
    return hmac.new(key, head + body, hashlib.sha256).hexdigest().encode()


def _document(item: HashedFile) -> dict[str, Any]:
    return {
        "path": item.path,
        "sha256": item.sha256,
        "head": item.head.hex(),
        "stamp": [str(number) for number in item.stamp or ()],  # beyond what JSON numbers hold
    }


def _hashed(value: Mapping[str, Any]) -> HashedFile:
    stamp = FileStamp(*map(int, value["stamp"]))
    return HashedFile(value["path"], value["sha256"], bytes.fromhex(value["head"]), stamp.size, stamp)


def _unwritable(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(
        "receipts.unwritable",
        f"Receipts cannot be kept in {str(folder)!r}.",
        why=error.strerror or type(error).__name__,
        remedy="Name a directory that can be written, or verify without receipts.",
    )

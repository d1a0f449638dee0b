"""Compiled databases on disk: a cache that saves seconds and is never believed.

Hyperscan trusts the bytes it loads, so only bytes that this user stored are loaded: an entry carries a MAC under a
key that lies beside it, readable by the user alone, in a folder that only the user can write. Whoever can forge that
can run code as the user anyway. An entry that does not verify counts as missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

MAX_ENTRY: Final = 256 * 1024 * 1024
"""Bytes of one entry."""

_MAC: Final = 32
_KEY: Final = "key"


class Cache:
    """A folder of entries.

    Args:
        folder: created when first needed; None keeps nothing. One that others can write keeps nothing either.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self, name: Sequence[str]) -> bytes | None:
        """What was stored under a name; None when it is missing, damaged, or not ours."""
        place = self._place(name)
        if place is None:
            return None
        with contextlib.suppress(OSError):
            with place.open("rb") as stream:
                entry = stream.read(MAX_ENTRY + 1)
            if len(entry) <= MAX_ENTRY and hmac.compare_digest(entry[:_MAC], self._mac(place, entry[_MAC:])):
                return entry[_MAC:]
        return None

    def store(self, name: Sequence[str], body: bytes) -> None:
        """Keep ``body`` under a name, whole or not at all; a cache that cannot be written is no error."""
        place = self._place(name)
        if place is None:
            return
        with contextlib.suppress(OSError):
            _write(place, self._mac(place, body) + body)

    def _place(self, name: Sequence[str]) -> Path | None:
        """The file of a name, if the folder is the user's own."""
        if self._folder is None:
            return None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_own(self._folder):
                return None
        except OSError:
            return None
        digest = hashlib.sha256("\0".join(name).encode()).hexdigest()
        return self._folder / f"{digest}.hsdb"

    def _mac(self, place: Path, body: bytes) -> bytes:
        return hmac.digest(self._key(place.with_name(_KEY)), place.name.encode() + body, "sha256")

    def _key(self, file: Path) -> bytes:
        """The folder's key, made at first use."""
        if file.exists():
            key = file.read_bytes()
            if len(key) == _MAC and _is_own(file):
                return key
        key = secrets.token_bytes(_MAC)
        _write(file, key)
        return key


def user_cache() -> Cache:
    """The cache in the user's cache folder; ``XDG_CACHE_HOME`` moves it."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    try:
        folder = Path(base) if base else Path.home() / ".cache"
    except RuntimeError:  # no home folder
        return Cache(None)
    return Cache(folder / "govkernel" / "patterns")


def _is_own(path: Path) -> bool:
    """Whether only the current user can write it."""
    if not hasattr(os, "getuid"):
        return True
    found = path.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _write(file: Path, content: bytes) -> None:
    """Write a file that only the user can read, and let it appear at once."""
    handle, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise

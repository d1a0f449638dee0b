"""Records that could not be appended, kept in a file until they can be.

One line per record: ``<bytes of the payload> <base64 Ed25519 signature> <payload>``. The log's key signs each
payload, so a torn line is recognised and a forged one cannot become part of the signed log. Writers of several
processes take turns through a file lock; a line is on disk before :meth:`Spool.add` returns.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govkernel.audit.entry import Entry, parse_entry
from govkernel.errors import AuditError

MAX_SPOOL: Final = 64 * 1024 * 1024
"""Largest spool file, in bytes."""

_DOMAIN: Final = b"govkernel audit spool v1\n"


@dataclass(frozen=True)
class Spooled:
    """What a spool held when it was read.

    Attributes:
        entries: the records whose lines are whole.
        damaged: lines that are torn, forged or unreadable.
        content: all bytes that were read, to recognise them again.
    """

    entries: tuple[Entry, ...]
    damaged: tuple[bytes, ...]
    content: bytes


class Spool:
    """The spool file of one log.

    Args:
        path: the file; made when first needed, readable by its owner only.
        key: the log's key.
    """

    def __init__(self, path: Path, key: Ed25519PrivateKey) -> None:
        self._path = path
        self._key = key

    def waiting(self) -> bool:
        """Whether there is anything to read."""
        try:
            return self._path.stat().st_size > 0
        except OSError:
            return False

    def add(self, entry: Entry) -> None:
        """Keep a record.

        Raises:
            AuditError: ``audit.spool-full`` or ``audit.spool``: it is not kept.
        """
        payload = entry.payload.encode()
        signature = base64.b64encode(self._key.sign(_DOMAIN + payload))
        line = b"%d %s %s\n" % (len(payload), signature, payload)
        with self._locked() as stream:
            size = stream.seek(0, os.SEEK_END)
            if size + len(line) > MAX_SPOOL:
                raise AuditError(
                    "audit.spool-full",
                    "The spool of unwritten audit records is full.",
                    why=f"It holds {size} bytes.",
                    remedy="Bring the audit database back; the spool empties itself at the next append.",
                )
            stream.write((b"\n" if _torn(stream, size) else b"") + line)
            stream.flush()
            os.fsync(stream.fileno())

    def read(self) -> Spooled:
        """Everything in the spool.

        Raises:
            AuditError: ``audit.spool``.
        """
        with self._locked() as stream:
            stream.seek(0)
            content = stream.read(MAX_SPOOL)
        entries, damaged = list[Entry](), list[bytes]()
        for line in content.split(b"\n"):
            if line:
                entry = self._parse(line)
                entries.append(entry) if entry else damaged.append(line)
        return Spooled(tuple(entries), tuple(damaged), content)

    def clear(self, spooled: Spooled) -> None:
        """Empty the spool, if it still holds exactly what was read; damaged lines move to ``PATH.damaged``.

        Raises:
            AuditError: ``audit.spool``.
        """
        with self._locked() as stream:
            stream.seek(0)
            if stream.read(MAX_SPOOL) != spooled.content:
                return  # more came in; what was ingested is recognised next time
            if spooled.damaged:
                self._keep_damaged(spooled.damaged)
            stream.truncate(0)
            os.fsync(stream.fileno())

    def _parse(self, line: bytes) -> Entry | None:
        length, _, rest = line.partition(b" ")
        signature, _, payload = rest.partition(b" ")
        try:
            if int(length) != len(payload):
                return None
            raw = base64.b64decode(signature, validate=True)
            self._key.public_key().verify(raw, _DOMAIN + payload)
            return parse_entry(payload.decode())
        except (ValueError, binascii.Error, InvalidSignature, AuditError):
            return None

    def _keep_damaged(self, lines: tuple[bytes, ...]) -> None:
        path = self._path.with_name(self._path.name + ".damaged")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as stream:
            stream.write(b"\n".join(lines) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "ab+") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                yield stream
        except OSError as error:
            raise AuditError(
                "audit.spool",
                "The spool of unwritten audit records cannot be used.",
                why=error.strerror or type(error).__name__,
                remedy=f"Make {str(self._path)!r} writable.",
            ) from None


def _torn(stream: IO[bytes], size: int) -> bool:
    """Whether the last writer was stopped inside its line."""
    if size == 0:
        return False
    stream.seek(size - 1)
    return stream.read(1) != b"\n"

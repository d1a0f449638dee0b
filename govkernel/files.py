"""Files, read with a bound on bytes and waiting, and written so that nobody ever finds half of one."""

from __future__ import annotations

import errno
import os
import select
import stat
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import monotonic
from typing import Final
from uuid import uuid4

PATIENCE: Final = 10.0
"""Seconds to wait for each part of what comes through a pipe."""

_BLOCK: Final = 1 << 20


def read_file(path: Path, limit: int, patience: float = PATIENCE) -> bytes:
    """The content of a file, or of a pipe as ``<(command)`` makes one.

    Args:
        path: its name; links are followed.
        limit: the most bytes it may have.
        patience: seconds to wait for each part of what comes through a pipe.

    Raises:
        OSError: it cannot be read, is a directory, has more bytes, or a pipe that nothing comes through.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        content, waits = bytearray(), not stat.S_ISREG(status.st_mode)
        while status.st_size <= limit and len(content) <= limit:
            block = _block(descriptor, limit + 1 - len(content), patience if waits else None)
            if not block:
                return bytes(content)
            content += block
        raise OSError(errno.EFBIG, f"larger than {limit} bytes")
    finally:
        os.close(descriptor)


def _block(descriptor: int, wanted: int, patience: float | None) -> bytes:
    """The next bytes; none at the end."""
    ends = None if patience is None else monotonic() + patience
    while True:
        if ends is not None:
            waiting = select.poll()
            waiting.register(descriptor, select.POLLIN)
            if not waiting.poll(max(0.0, ends - monotonic()) * 1000):
                raise TimeoutError(errno.ETIMEDOUT, f"nothing came through it for {patience:g} s")
        try:
            return os.read(descriptor, min(wanted, _BLOCK))
        except BlockingIOError:
            continue


def replace_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file in one step, durably; it never exists with wider rights than ``mode``.

    A device or a pipe, e.g. ``/dev/stdout``, is written to as it is.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:100]}.", delete=False) as stream:
        draft = Path(stream.name)
        try:
            os.fchmod(stream.fileno(), mode)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    _sync(path.parent)


def create_file(path: Path, content: bytes, mode: int) -> bool:
    """Write a file that is not there yet, in one step, durably; false when it is there by then, and is left as it is.

    Raises:
        OSError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    _sync(path.parent)
    return True


def _sync(folder: Path) -> None:
    """Make the new name durable too."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

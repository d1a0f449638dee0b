"""Writing files so that whoever reads them, or kills us, finds the old content or the new, never half of it."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import uuid4


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

"""Which file names a manifest may hold: plain, relative, and different on every file system (OMS spec, section 6)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from govkernel.errors import ProvenanceError

MAX_FILES: Final = 100_000
"""Files of one model or dataset directory."""

MAX_PATH: Final = 4096
"""UTF-8 bytes of one path inside a manifest."""

_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\\]|(?:\A|/)\.{0,2}(?:/|\Z)")
"""A control character, a backslash, or a component that is empty, ``.`` or ``..``."""

_REMEDY: Final = (
    "Rename the file; names must be the same, and different from each other, on every file system."
)


def check_path(path: str) -> str:
    """The path itself, when it may stand in a manifest.

    Args:
        path: relative, with ``/`` between components.

    Raises:
        ProvenanceError: ``provenance.path-not-utf8`` or ``provenance.path-unsafe``: absolute, ``..``, ``.``, an empty
            component, a backslash, a control character, or more than 4,096 bytes.
    """
    try:
        size = len(path) if path.isascii() else len(path.encode("utf-8"))
    except UnicodeEncodeError:
        raise ProvenanceError(
            "provenance.path-not-utf8", f"The file name {ascii(path)[:200]} is not UTF-8.", remedy=_REMEDY
        ) from None
    if size > MAX_PATH or _UNSAFE.search(path):
        raise ProvenanceError(
            "provenance.path-unsafe",
            f"The path {ascii(path)[:200]} may not stand in a manifest.",
            why="It is absolute, climbs with '..', has an empty component, a control character or a backslash.",
            remedy=_REMEDY,
        )
    return path


def check_distinct(paths: Iterable[str]) -> None:
    """Refuse paths that some file system would take for the same file.

    Raises:
        ProvenanceError: ``provenance.path-duplicate`` (twice the same, or a file that is also a directory),
            ``provenance.path-collision`` (same but for case or Unicode form), ``provenance.too-many-files``.
    """
    files: set[str] = set()
    folders: set[str] = set()
    spelled: dict[str, str] = {}
    for path in paths:
        if path in files:
            raise _clash("duplicate", path, path)
        files.add(path)
        if len(files) > MAX_FILES:
            raise ProvenanceError(
                "provenance.too-many-files",
                f"More than {MAX_FILES:,} files.",
                remedy="Pack the small files of the artifact into fewer larger ones.",
            )
        for folder in _unseen(path, folders):
            _spell(folder, spelled)
        _spell(path, spelled)
    for path in folders & files:
        raise _clash("duplicate", path, "one of its directories")


def _unseen(path: str, folders: set[str]) -> list[str]:
    """The folders above a path that are not in ``folders`` yet, which then holds them too."""
    found: list[str] = []
    parent = path.rpartition("/")[0]
    while parent and parent not in folders:
        folders.add(parent)
        found.append(parent)
        parent = parent.rpartition("/")[0]
    return found


def _spell(path: str, spelled: dict[str, str]) -> None:
    folded = _folded(path)
    if spelled.setdefault(folded, path) != path:
        raise _clash("collision", path, spelled[folded])


def _folded(path: str) -> str:
    return path.casefold() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def _clash(problem: str, path: str, other: str) -> ProvenanceError:
    return ProvenanceError(
        f"provenance.path-{problem}",
        f"The paths {ascii(path)[:200]} and {ascii(other)[:200]} are not distinct.",
        remedy=_REMEDY,
    )

"""Which file names a manifest may hold: plain, relative, and different on every file system (OMS spec, section 6)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from govkernel.errors import ProvenanceError
from govkernel.provenance.limits import MAX_FILES, MAX_PATH

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\\]")
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
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        raise ProvenanceError(
            "provenance.path-not-utf8", f"The file name {ascii(path)[:200]} is not UTF-8.", remedy=_REMEDY
        ) from None
    parts = path.split("/")
    if len(encoded) > MAX_PATH or _CONTROL.search(path) or any(part in {"", ".", ".."} for part in parts):
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
        for prefix in _prefixes(path):
            if spelled.setdefault(_folded(prefix), prefix) != prefix:
                raise _clash("collision", prefix, spelled[_folded(prefix)])
    for path in files:
        if any(parent in files for parent in list(_prefixes(path))[:-1]):
            raise _clash("duplicate", path, "one of its directories")


def _prefixes(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[: index + 1]) for index in range(len(parts)))


def _folded(path: str) -> str:
    return path.casefold() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def _clash(problem: str, path: str, other: str) -> ProvenanceError:
    return ProvenanceError(
        f"provenance.path-{problem}",
        f"The paths {ascii(path)[:200]} and {ascii(other)[:200]} are not distinct.",
        remedy=_REMEDY,
    )

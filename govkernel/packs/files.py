"""Reads the files of a pack from disk: bounded in number and size, and never from outside its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from govkernel.errors import ConfigError

MAX_FILES: Final = 500
MAX_FILE_BYTES: Final = 1024 * 1024
MAX_PACK_BYTES: Final = 16 * 1024 * 1024


class PackFolder:
    """The regular files under one folder, listed once.

    Args:
        root: the folder.

    Raises:
        ConfigError: ``pack.missing``, ``pack.unreadable``, ``pack.too-large``, ``pack.escapes``
            or ``pack.not-a-file``.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise refuse(
                "missing",
                root,
                "There is no such folder.",
                "Name a shipped pack, or a folder with pack.yaml.",
            )
        try:
            self.root = root.resolve(strict=True)
            self._sizes = dict(_listed(self.root))
        except OSError as error:
            raise refuse("unreadable", root, str(error), "Make the pack readable.") from None

    def names(self, suffix: str, *, folder: str = "") -> list[str]:
        """Paths relative to the pack, ``/``-separated and sorted, with this suffix.

        Args:
            suffix: e.g. ``.cedar``.
            folder: only files under this folder of the pack; by default all outside ``cases``.
        """
        return sorted(
            name
            for name in self._sizes
            if name.endswith(suffix)
            and (name.startswith(f"{folder}/") if folder else not name.startswith("cases/"))
        )

    def __contains__(self, name: str) -> bool:
        return name in self._sizes

    def content(self, name: str) -> bytes:
        """A file's bytes.

        Raises:
            ConfigError: ``pack.unreadable`` or ``pack.too-large``.
        """
        try:
            with (self.root / name).open("rb") as file:
                raw = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise refuse("unreadable", self.root / name, str(error), "Make the file readable.") from None
        if len(raw) > MAX_FILE_BYTES:
            raise _too_large(self.root / name, f"more than {MAX_FILE_BYTES} bytes")
        return raw

    def text(self, name: str) -> str:
        """A file's text.

        Raises:
            ConfigError: ``pack.unreadable``, ``pack.too-large`` or ``pack.not-utf8``.
        """
        try:
            return self.content(name).decode("utf-8")
        except UnicodeDecodeError as error:
            why = f"byte {error.start}: {error.reason}"
            raise refuse("not-utf8", self.root / name, why, "Save the file as UTF-8.") from None


def refuse(problem: str, path: Path | str, why: str, remedy: str) -> ConfigError:
    """The ``pack.<problem>`` error about a file or folder."""
    return ConfigError(f"pack.{problem}", f"The policy pack cannot be used: {path}.", why=why, remedy=remedy)


def _listed(root: Path) -> Iterator[tuple[str, int]]:
    total = 0
    for count, path in enumerate(_walk(root), start=1):
        size = path.stat().st_size
        total += size
        if count > MAX_FILES:
            raise _too_large(root, f"more than {MAX_FILES} files")
        if size > MAX_FILE_BYTES:
            raise _too_large(path, f"{size} bytes; a file may have {MAX_FILE_BYTES}")
        if total > MAX_PACK_BYTES:
            raise _too_large(root, f"more than {MAX_PACK_BYTES} bytes in all")
        yield path.relative_to(root).as_posix(), size


def _walk(root: Path) -> Iterator[Path]:
    """Files and links under ``root``, hidden ones left out. Linked folders are refused, not followed."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*folders, *sorted(files)]:
            path = Path(folder) / name
            if name.startswith("."):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                raise refuse(
                    "escapes",
                    path,
                    "It is a link that leads out of the pack.",
                    "Copy the file into the pack instead of linking to it.",
                )
            if name in folders:
                continue
            if not path.is_file():
                raise refuse(
                    "not-a-file", path, "It is neither a file nor a folder.", "Take it out of the pack."
                )
            yield path


def _too_large(path: Path, why: str) -> ConfigError:
    return refuse("too-large", path, why, "Split the pack, or take files out that are not policies.")

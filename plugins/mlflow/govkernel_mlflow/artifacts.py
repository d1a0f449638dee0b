"""The files of a version, listed folder by folder from answers that may say anything."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import httpx

from govkernel.domain.paths import MAX_FILES, check_path
from govkernel.errors import GovkernelError
from govkernel_mlflow.client import Tracking

MAX_DEPTH: Final = 64


class Artifact(NamedTuple):
    """A file of a version.

    Attributes:
        path: below the version's folder, with ``/``.
        size: in bytes; None when the server does not say.
    """

    path: str
    size: int | None


async def files_of(tracking: Tracking, client: httpx.AsyncClient, folder: str) -> list[Artifact]:
    """All files below a folder of the artifact store, sorted.

    Raises:
        GovkernelError: ``mlflow.*``.
        ProvenanceError: ``provenance.path-unsafe``: names that climb or are no names.
    """
    found: list[Artifact] = []
    pending, seen = [""], 0
    while pending:
        below = pending.pop()
        if below.count("/") > MAX_DEPTH:
            raise tracking.wrong(f"Folders are nested more than {MAX_DEPTH} deep.")
        for item in await tracking.listing(client, f"{check_path(folder)}/{below}".rstrip("/")):
            seen += 1
            if seen > MAX_FILES:
                raise GovkernelError(
                    "mlflow.too-many",
                    f"A version has more than {MAX_FILES:,} files and folders.",
                    remedy="Pack the small files of the artifact into fewer larger ones.",
                )
            name, is_folder, size = _entry(tracking, item)
            path = check_path(f"{below}{name}")
            if is_folder:
                pending.append(f"{path}/")
            else:
                found.append(Artifact(path, size))
    return sorted(found, key=lambda file: file.path)


def _entry(tracking: Tracking, item: Any) -> tuple[str, bool, int | None]:
    """Name, whether it is a folder, and size."""
    said = item if isinstance(item, dict) else {}
    name, is_folder, size = said.get("path"), said.get("is_dir", False), said.get("file_size")
    if isinstance(size, str) and size.isascii() and size.isdigit():  # what JSON made from protobuf writes
        size = int(size[:20])
    sized = size is None or (isinstance(size, int) and not isinstance(size, bool) and size >= 0)
    if not isinstance(name, str) or "/" in name or not isinstance(is_folder, bool) or not sized:
        raise tracking.wrong("An entry of a list of files is none.")
    return name, is_folder, size

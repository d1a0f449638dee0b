"""Reads manifest files as kubectl would: YAML or JSON, several documents, Lists taken apart, AdmissionReviews too."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from govkernel.admission.review import KIND, MAX_DEPTH, ReviewRequest, review_of
from govkernel.domain import strict_json, strict_yaml
from govkernel.errors import InputError

MAX_FILE: Final = 8 * 1024 * 1024
"""Bytes of one manifest file."""
MAX_OBJECTS: Final = 1000
"""Objects in all files of one run."""

_REMEDY: Final = "Name files with Kubernetes objects: YAML or JSON."


@dataclass(frozen=True)
class Item:
    """One object of a manifest file.

    Attributes:
        path: the file, as it was named.
        manifest: the object.
        review: the AdmissionReview it came in, if it did.
    """

    path: str
    manifest: Mapping[str, Any]
    review: ReviewRequest | None = None


def read_manifests(files: Sequence[Path]) -> list[Item]:
    """All objects in some files, in order; ``-`` is standard input.

    Raises:
        InputError: ``manifest.unreadable``, ``manifest.too-large``, ``manifest.not-an-object``,
            ``manifest.nothing``, ``manifest.too-many``, ``yaml.*``, ``json.*`` or ``admission.*``; ``why`` names
            the file.
    """
    items: list[Item] = []
    for file in files:
        try:
            items += _items(str(file), _documents(_read(file)))
        except InputError as error:
            raise InputError(
                error.code, error.what, why=f"{file}: {error.why}".rstrip(": "), remedy=error.remedy
            ) from None
        if len(items) > MAX_OBJECTS:
            why = f"The limit is {MAX_OBJECTS}."
            raise InputError("manifest.too-many", "Too many objects.", why=why, remedy="Ask in several runs.")
    if not items:
        raise InputError("manifest.nothing", "There is no object in the files.", remedy=_REMEDY)
    return items


def _read(file: Path) -> bytes:
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with file.open("rb") as stream:
                data = stream.read(MAX_FILE + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(
            "manifest.unreadable", "A manifest cannot be read.", why=why, remedy=_REMEDY
        ) from None
    if len(data) > MAX_FILE:
        why = f"It has more than {MAX_FILE} bytes."
        raise InputError("manifest.too-large", "A manifest is too large.", why=why, remedy="Split it.")
    return data


def _documents(data: bytes) -> list[Any]:
    if data.lstrip()[:1] == b"{":
        try:
            return [strict_json.loads(data, max_depth=MAX_DEPTH)]
        except InputError as error:
            if error.code != "json.malformed":  # a flow mapping of YAML starts alike
                raise
    return strict_yaml.load_all(data, max_depth=MAX_DEPTH)


def _items(path: str, documents: Sequence[Any]) -> Iterator[Item]:
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, Mapping) or not isinstance(document.get("kind"), str):
            raise InputError(
                "manifest.not-an-object",
                "A document is not a Kubernetes object.",
                why="It is not a mapping with a kind.",
                remedy=_REMEDY,
            )
        if document["kind"] == KIND:
            review = review_of(document)
            yield Item(path, review.object or {}, review)
        elif document["kind"].endswith("List") and isinstance(document.get("items"), list):
            yield from _items(path, document["items"])
        else:
            yield Item(path, document)

"""Reads manifest files as kubectl would: YAML or JSON, several documents, Lists taken apart, AdmissionReviews too."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from govkernel.admission.review import KIND, MAX_DEPTH, ReviewRequest, review_of
from govkernel.domain import strict_json, strict_yaml
from govkernel.errors import InputError

MAX_FILE: Final = 8 * 1024 * 1024
"""Bytes of one manifest file."""
MAX_OBJECTS: Final = 1000
"""Objects in all files of one run."""

Place = tuple[str | int, ...]

_STEP: Final = re.compile(r"([^.\[\]]+)|\[([0-9]{1,6})\]")
_REMEDY: Final = "Name files with Kubernetes objects: YAML or JSON."


@dataclass(frozen=True)
class Item:
    """One object of a manifest file.

    Attributes:
        path: the file, as it was named.
        manifest: the object.
        review: the AdmissionReview it came in, if it did.
        place: where in the file's documents it is.
        lines: of the values of the file's documents, as far as they are known.
    """

    path: str
    manifest: Mapping[str, Any]
    review: ReviewRequest | None = None
    place: Place = ()
    lines: Mapping[Place, int] = field(default_factory=dict, repr=False)

    def line_of(self, where: str = "") -> int:
        """The line in the file of something in the object, or of the nearest thing around it; 1 when unknown.

        Args:
            where: its place as extractors write it, e.g. ``spec.containers[0].args[1]``; empty for the object.
        """
        steps = [int(index) if index else key for key, index in _STEP.findall(where)]
        path = (*self.place, *steps)
        known = (self.lines.get(path[:end]) for end in range(len(path), 0, -1))
        return next((line for line in known if line), 1)


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
            documents, lines = _documents(_read(file))
            items += _items(Item(str(file), {}, lines=lines), documents)
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


def _documents(data: bytes) -> tuple[list[Any], strict_yaml.Lines]:
    if data.lstrip()[:1] == b"{":
        try:
            return [strict_json.loads(data, max_depth=MAX_DEPTH)], {}
        except InputError as error:
            if error.code != "json.malformed":  # a flow mapping of YAML starts alike
                raise
    return strict_yaml.load_all_with_lines(data, max_depth=MAX_DEPTH)


def _items(parent: Item, documents: Sequence[Any]) -> Iterator[Item]:
    for number, document in enumerate(documents):
        place = (*parent.place, number)
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
            inside = (*place, "request", "object")
            yield replace(parent, manifest=review.object or {}, review=review, place=inside)
        elif document["kind"].endswith("List") and isinstance(document.get("items"), list):
            yield from _items(replace(parent, place=(*place, "items")), document["items"])
        else:
            yield replace(parent, manifest=document, place=place)

"""``s3://BUCKET[/KEY][?versionId=VERSION]`` as parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from govkernel.domain.paths import check_path
from govkernel.errors import ProvenanceError
from govkernel_s3.settings import BUCKET

_NAME: Final = re.compile(
    rf"s3://(?P<bucket>{BUCKET})(?:/(?P<key>[^?#%]*))?(?:\?versionId=(?P<version>[A-Za-z0-9._-]{{1,1024}}))?"
)
"""Keys with ``?``, ``#`` or ``%`` are left alone: clients do not agree about where such a name leads."""

NO_VERSION: Final = "null"
"""What objects have that were written without versions: it can be written again."""


@dataclass(frozen=True)
class ObjectName:
    """A name in a store.

    Attributes:
        bucket: its bucket.
        key: of an object, or of what is before the slash in the keys of several; empty for the whole bucket.
        folder: the name ends with a slash, so that it can only be several.
        version: of the one object; empty for none.
    """

    bucket: str
    key: str
    folder: bool
    version: str


def parse(uri: str) -> ObjectName | None:
    """The parts of a name; None when it is none, or one that could mean two things."""
    match = _NAME.fullmatch(uri)
    if match is None or match["version"] == NO_VERSION:
        return None
    written, version = match["key"] or "", match["version"] or ""
    key = written.removesuffix("/")
    folder = not key or key != written
    if version and folder:
        return None
    try:
        return ObjectName(match["bucket"], check_path(key) if key else "", folder, version)
    except ProvenanceError:
        return None

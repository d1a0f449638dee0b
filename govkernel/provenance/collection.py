"""Files that hold several bundles: one a line, a JSON array, or the answers of GitHub's and npm's attestation APIs."""

from __future__ import annotations

import json
from typing import Any, Final

from govkernel.domain import strict_json
from govkernel.errors import InputError
from govkernel.provenance.dsse import refuse
from govkernel.provenance.limits import MAX_BUNDLE

MAX_COLLECTED: Final = 100
"""Bundles in one file."""


def split_bundles(raw: bytes) -> list[bytes]:
    """The bundles of a file: itself, each line where every line is an object, or each item of a list.

    A list is an array of bundles, or of objects with a ``bundle``, by itself or as ``attestations`` of an object.

    Raises:
        InputError: ``provenance.bundle-many``.
    """
    lines = [line for line in (part.strip() for part in raw.split(b"\n")) if line]
    if len(lines) > 1 and all(line.startswith(b"{") and line.endswith(b"}") for line in lines):
        return _bounded(lines)
    head = raw.lstrip()[:1]
    if head != b"[" and not (head == b"{" and b'"attestations"' in raw and b'"bundle"' in raw):
        return [raw]
    try:
        items = _listed(strict_json.loads(raw, max_bytes=MAX_BUNDLE))
    except InputError:
        return [raw]  # whoever reads it as a bundle says what is wrong
    return [raw] if items is None else _bounded([json.dumps(item).encode() for item in items])


def _listed(document: Any) -> list[Any] | None:
    """The bundles in a parsed list; None when it is something else."""
    listed = document.get("attestations") if isinstance(document, dict) else document
    if not isinstance(listed, list) or not listed:
        return None
    return [item["bundle"] if isinstance(item, dict) and "bundle" in item else item for item in listed]


def _bounded(found: list[bytes]) -> list[bytes]:
    if len(found) > MAX_COLLECTED:
        raise refuse("bundle-many", f"The file holds {len(found)} bundles; at most {MAX_COLLECTED}.")
    return found

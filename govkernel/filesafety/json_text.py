"""Read JSON as the loaders do, NaN included, but with no key twice and no bottomless nesting."""

from __future__ import annotations

import json
from typing import Any, Final

from govkernel.domain import strict_json
from govkernel.filesafety.interface import Refused

MAX_DEPTH: Final = 96
MAX_BYTES: Final = 96 << 20


def parse_json(data: bytes) -> Any:
    """A JSON document.

    Raises:
        Refused: ``json-duplicate``, ``too-deep``, ``too-large``, ``unreadable-structure``.
    """
    if len(data) > MAX_BYTES:
        raise Refused("too-large", "JSON")
    if strict_json.deeper_than(data, MAX_DEPTH):
        raise Refused("too-deep", "JSON")
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise Refused("unreadable-structure", "not JSON") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Refused("json-duplicate", "a key stands twice")
    return made

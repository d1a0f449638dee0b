"""skops: a zip whose ``schema.json`` says what to import and how to build it. Source: ``skops.io``, protocol 2.

skops asks the person who loads which types to trust. Here the same names are trusted as in pickles, and the ways of
building that only fill data in; all else is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from govkernel.filesafety.names import names
from govkernel.filesafety.pickle_allowed import GENERAL

_KEYS: Final = frozenset({"__class__", "__module__", "__loader__"})
_WAYS: Final = names(
    "DictNode DefaultDictNode ListNode SetNode TupleNode SliceNode BytesNode BytearrayNode JsonNode NdArrayNode",
    "ObjectNode TypeNode DTypeNode",
)


def is_skops(item: dict[str, Any]) -> bool:
    """Whether a JSON object is a node of a skops schema."""
    return item.keys() >= _KEYS


def judge_skops(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Rule and detail, unless a node builds something known in a known way."""
    way, name = item["__loader__"], f"{item['__module__']}.{item['__class__']}"
    entry = GENERAL.get(name)
    known = entry is not None and entry.module == item["__module__"]
    if way not in _WAYS or not known:
        yield "unknown-operator", f"{way} of {name}"

"""safetensors: the header says exactly what lies in the file, once, without gaps. Source: the format's README, 0.8."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from govkernel.domain import strict_json
from govkernel.errors import InputError
from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.source import Reader, Source

MAX_HEADER: Final = 100_000_000
"""Bytes; the limit of the format."""

_BITS: Final = {
    **{
        "BOOL": 8,
        "U8": 8,
        "I8": 8,
        "F8_E5M2": 8,
        "F8_E4M3": 8,
        "F8_E8M0": 8,
        "F8_E4M3FNUZ": 8,
        "F8_E5M2FNUZ": 8,
    },
    **{"I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64},
    **{"I64": 64, "U64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6},
}


def examine_safetensors(source: Source, place: Place) -> Iterator[Finding]:
    """A whole file."""
    reader = Reader(source)
    (length,) = reader.unpack("<Q")
    if length > min(MAX_HEADER, reader.left):
        raise _bad(f"a header of {length} bytes")
    text = reader.take(length)
    if not text.startswith(b"{"):
        raise _bad("it does not start with {")
    try:
        header = strict_json.loads(text, max_bytes=MAX_HEADER, max_depth=4)
    except InputError as error:
        raise _bad(error.why or error.what) from None
    _check_metadata(header.pop("__metadata__", {}))
    spans = sorted(_span(name, entry) for name, entry in header.items())
    end = 0
    for start, stop in spans:
        if start != end:
            raise _bad(f"a gap or an overlap at byte {min(start, end)}")
        end = stop
    if end != reader.left:
        yield place.finding("safetensors-header", f"{reader.left} bytes of data, {end} of them stated")


def _check_metadata(said: Any) -> None:
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise _bad("__metadata__ is not a map of text to text")


def _span(name: str, entry: Any) -> tuple[int, int]:
    """Start and end of a tensor, in bytes behind the header."""
    if not isinstance(entry, Mapping) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise _bad(f"the entry of {name}")
    bits = _BITS.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if bits is None:
        raise _bad(f"the dtype of {name}")
    shape, offsets = _counts(entry["shape"], 64), _counts(entry["data_offsets"], 2)
    if shape is None or offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _bad(f"shape or offsets of {name}")
    if (offsets[1] - offsets[0]) * 8 != math.prod(shape) * bits:
        raise _bad(f"shape and size of {name} do not fit")
    return offsets[0], offsets[1]


def _counts(value: Any, limit: int) -> list[int] | None:
    if not isinstance(value, list) or len(value) > limit:
        return None
    fine = all(isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 1 << 62 for item in value)
    return value if fine else None


def _bad(detail: str) -> Refused:
    return Refused("safetensors-header", detail)

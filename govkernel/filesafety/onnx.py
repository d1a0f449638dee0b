"""ONNX: where external data lies, and whose operators are used. Source: ``onnx/onnx.proto``, IR version 11."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.paths import leaves_the_folder
from govkernel.filesafety.protobuf import Walker
from govkernel.filesafety.source import Source

MAX_NESTING: Final = 32

DOMAINS: Final = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft"}
)
"""Operators that the runtime itself brings; others come from a library beside it."""

_MODEL_IR, _MODEL_GRAPH, _MODEL_OPSET, _MODEL_FUNCTIONS = 1, 7, 8, 25
_GRAPH: Final = {1: "node", 5: "tensor", 15: "sparse"}
_NODE: Final = {5: "attribute"}
_ATTRIBUTE: Final = {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"}
_SPARSE: Final = {1: "tensor", 2: "tensor"}
_FUNCTION: Final = {7: "node", 11: "attribute"}
_PARTS: Final = {
    "graph": _GRAPH,
    "node": _NODE,
    "attribute": _ATTRIBUTE,
    "sparse": _SPARSE,
    "function": _FUNCTION,
}
_NODE_DOMAIN, _FUNCTION_DOMAIN, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 7, 10, 13, 14


def examine_onnx(source: Source, place: Place) -> Iterator[Finding]:
    """A ModelProto."""
    walker = Walker("onnx-structure")
    domains: set[str] = set()
    own: set[str] = set()
    graphs = 0
    for field in walker.fields(source):
        if field.number == _MODEL_GRAPH:
            graphs += 1
            yield from _walk(walker, "graph", field.nested, place, domains)
        elif field.number == _MODEL_FUNCTIONS:
            own |= {item.text() for item in walker.fields(field.nested) if item.number == _FUNCTION_DOMAIN}
            yield from _walk(walker, "function", field.nested, place, domains)
    if graphs != 1:
        raise Refused("onnx-structure", f"{graphs} graphs")
    for domain in sorted(domains - DOMAINS - own):
        yield place.finding("unknown-operator", f"of {domain}")


def _walk(
    walker: Walker,
    kind: str,
    message: Source | None,
    place: Place,
    domains: set[str],
    *,
    depth: int = MAX_NESTING,
) -> Iterator[Finding]:
    if not depth:
        raise Refused("too-deep", "graphs")
    if kind == "tensor":
        yield from _tensor(walker, message, place)
        return
    parts = _PARTS[kind]
    for field in walker.fields(message):
        if field.number in parts:
            yield from _walk(walker, parts[field.number], field.nested, place, domains, depth=depth - 1)
        elif kind == "node" and field.number == _NODE_DOMAIN:
            domains.add(field.text())


def _tensor(walker: Walker, message: Source | None, place: Place) -> Iterator[Finding]:
    said: dict[str, str] = {}
    external = False
    for field in walker.fields(message):
        if field.number == _TENSOR_EXTERNAL:
            pair = {item.number: item.text() for item in walker.fields(field.nested)}
            if pair.get(1, "") in said:
                raise Refused("onnx-structure", "external data stated twice")
            said[pair.get(1, "")] = pair.get(2, "")
        external |= field.number == _TENSOR_LOCATION and field.value == 1
    if said or external:
        yield from _external(said, place)


def _external(said: dict[str, str], place: Place) -> Iterator[Finding]:
    location = said.get("location", "")
    if leaves_the_folder(location):
        yield place.finding("onnx-path", location or "no location")
        return
    folder = place.name.rpartition("/")[0]
    parts = [part for part in (*folder.split("/"), *location.split("/")) if part not in {"", "."}]
    size = place.beside.get("/".join(parts))
    if size is None or "!/" in place.path:
        yield place.finding("unknown-format", f"external data {location} is not here")
        return
    offset, length = (said.get(key, "0") or "0" for key in ("offset", "length"))
    if not (offset.isdecimal() and length.isdecimal() and len(offset + length) < 40):
        yield place.finding("onnx-structure", "an offset or length that is no number")
    elif int(offset) + int(length) > size:
        yield place.finding("onnx-structure", f"external data beyond the end of {location}")

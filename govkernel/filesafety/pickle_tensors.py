"""Rules of the functions that rebuild tensors. Source: ``torch/_utils.py``, ``torch/_tensor.py``, 2.13."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from govkernel.filesafety.interface import Refused
from govkernel.filesafety.pickle_rules import Allowed, Check, is_count, is_shape, refuse_unless, role
from govkernel.filesafety.pickle_values import Items, Made, Name, Value

_List = Mapping[str, Allowed]
_Arguments = tuple[Value, ...]


def _view(storage: Value, offset: Value, size: Value, stride: Value) -> None:
    """A tensor has to lie inside its storage; a loader would grow the storage, or read beside it."""
    refuse_unless(isinstance(storage, Made) and storage.kind == "storage", "what is no storage")
    fine = is_count(offset) and is_shape(size) and is_shape(stride) and len(size) == len(stride)
    refuse_unless(fine, "a shape")
    last = offset + sum((extent - 1) * step for extent, step in zip(size, stride, strict=True))
    if all(size) and last >= storage.count:
        raise Refused("torch-storage", f"item {last} of {storage.count}")


def _hooks(value: Value) -> None:
    empty = isinstance(value, Made) and value.kind == "ordered" and not value.built
    refuse_unless(value is None or empty, "hooks")


def _tensor(value: Value) -> None:
    refuse_unless(isinstance(value, Made) and value.kind == "tensor", "what is no tensor")


def _rebuild(arguments: _Arguments, _: _List) -> Value:
    refuse_unless(len(arguments) == 4, "arguments")
    _view(*arguments)
    return Made("tensor")


def _rebuild_v2(arguments: _Arguments, _: _List) -> Value:
    refuse_unless(6 <= len(arguments) <= 7, "arguments")
    _view(*arguments[:4])
    _hooks(arguments[5])
    refuse_unless(_is_metadata(arguments[6:]), "metadata")
    return Made("tensor")


def _rebuild_v3(arguments: _Arguments, allowed: _List) -> Value:
    refuse_unless(7 <= len(arguments) <= 8 and role(arguments[6], allowed) == "dtype", "arguments")
    refuse_unless(isinstance(arguments[0], Made) and arguments[0].kind == "storage", "what is no storage")
    fine = is_count(arguments[1]) and is_shape(arguments[2]) and is_shape(arguments[3])
    refuse_unless(fine and _is_metadata(arguments[7:]), "a shape")
    _hooks(arguments[5])
    return Made("tensor")


def _is_metadata(rest: _Arguments) -> bool:
    """``conj`` and ``neg``: a small dict of booleans."""
    for item in rest:
        if item is None:
            continue
        if not (isinstance(item, Items) and item.kind == "dict" and not item.odd):
            return False
        if not all(isinstance(value, bool) for value in item.held.values()):
            return False
    return True


def _rebuild_quantized(arguments: _Arguments, allowed: _List) -> Value:
    refuse_unless(len(arguments) == 7, "arguments")
    _view(*arguments[:4])
    quantizer = arguments[4]
    fine = isinstance(quantizer, tuple) and 3 <= len(quantizer) <= 4
    refuse_unless(fine and role(quantizer[0], allowed) == "scheme", "a quantizer")
    plain = all(isinstance(item, int | float) or _is_tensor(item) for item in quantizer[1:])
    refuse_unless(plain, "a quantizer")
    _hooks(arguments[6])
    return Made("tensor")


def _is_tensor(value: Value) -> bool:
    return isinstance(value, Made) and value.kind == "tensor"


def _rebuild_sparse(arguments: _Arguments, _: _List) -> Value:
    fine = len(arguments) == 2 and isinstance(arguments[0], Made) and arguments[0].kind == "layout"
    refuse_unless(fine and isinstance(arguments[1], tuple) and len(arguments[1]) <= 5, "arguments")
    for item in arguments[1]:
        size = isinstance(item, Made) and item.kind in {"tensor", "size"}
        refuse_unless(size or is_shape(item) or isinstance(item, bool), "a part")
    return Made("tensor")


def _rebuild_meta(arguments: _Arguments, allowed: _List) -> Value:
    fine = len(arguments) == 4 and role(arguments[0], allowed) == "dtype" and is_shape(arguments[1])
    refuse_unless(fine and is_shape(arguments[2]), "arguments")
    return Made("tensor")


def _parameter(arguments: _Arguments, _: _List) -> Value:
    refuse_unless(len(arguments) == 3, "arguments")
    _tensor(arguments[0])
    _hooks(arguments[2])
    return Made("tensor")


def _parameter_with_state(arguments: _Arguments, allowed: _List) -> Value:
    refuse_unless(len(arguments) == 4, "arguments")
    _state(arguments[3])
    return _parameter(arguments[:3], allowed)


def _state(value: Value) -> None:
    """Attributes set on a tensor: plain ones only."""
    fine = isinstance(value, Items) and value.kind == "dict" and not value.odd
    refuse_unless(fine and not any(key.startswith("_") for key in value.held), "state", "pickle-state")


def _from_type(arguments: _Arguments, allowed: _List) -> Value:
    """``_rebuild_from_type_v2(function, type, arguments, state)`` calls the function."""
    refuse_unless(len(arguments) == 4 and isinstance(arguments[2], tuple), "arguments")
    function, kind, inner, state = arguments
    refuse_unless(role(kind, allowed) == "tensor", "a type")
    _state(state)
    entry = (
        TENSOR_CALLS.get(function.text.removeprefix("torch._utils.")) if isinstance(function, Name) else None
    )
    if entry is None or entry is _from_type:
        raise Refused("pickle-call", "a function")
    return entry(inner, allowed)


TENSOR_CALLS: Final[dict[str, Check]] = {
    "_rebuild_tensor": _rebuild,
    "_rebuild_tensor_v2": _rebuild_v2,
    "_rebuild_tensor_v3": _rebuild_v3,
    "_rebuild_qtensor": _rebuild_quantized,
    "_rebuild_sparse_tensor": _rebuild_sparse,
    "_rebuild_meta_tensor_no_storage": _rebuild_meta,
    "_rebuild_parameter": _parameter,
    "_rebuild_parameter_with_state": _parameter_with_state,
    "_rebuild_from_type_v2": _from_type,
}
"""Check by the name of the function."""

"""What an allowed name may be called with, and what state may be given to what it returned.

Each check mirrors what the callable does with its arguments when a pickle is loaded; what it could be talked into
(allocating without bounds, importing a codec, building a dtype that lies) is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from govkernel.filesafety.interface import Refused
from govkernel.filesafety.pickle_values import Bulk, Items, Made, Name, Value
from govkernel.filesafety.source import Reader

Check = Callable[[tuple[Value, ...], Mapping[str, "Allowed"]], Value]
"""From arguments to the result; raises :class:`Refused` when they are not allowed."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A name on an allow-list; with neither check it may only be passed on, as a type.

    Attributes:
        module: the part of its full name that is imported.
        call: checks ``REDUCE``, ``INST`` and ``OBJ``.
        new: checks ``NEWOBJ``, and use by ``copyreg._reconstructor``.
        role: what it may be passed on as: ``dtype``, ``storage``, ``array``, ``tensor`` or ``type``.
        size: bytes per item, of a storage.
    """

    module: str
    call: Check | None = None
    new: Check | None = None
    role: str = ""
    size: int = 0


_TYPE: Final = re.compile(
    r"[<>=|]?(?:[biufcSUV]\d{1,9}|O8?|\?|[bBhHiIlLqQefdgFDG?]"
    r"|[mM]8(?:\[\d{0,9}(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?)"
)
_LETTERS: Final = dict(
    zip("?bBhHiIlLqQefdgFDG", (1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 2, 4, 8, 16, 8, 16, 32), strict=True)
)
LATIN: Final = frozenset({"latin1", "latin-1", "iso-8859-1"})
"""Names of the one codec that may be asked for."""

_STATE_KEYS: Final = 256
_FLAGS: Final = frozenset({0, 8, 16, 128})
"""Flags of a dtype without references: numpy trusts them, so one that claims references would be followed."""


def refuse_unless(condition: bool, detail: str, rule: str = "pickle-call") -> None:
    """Raise :class:`Refused` unless the condition holds."""
    if not condition:
        raise Refused(rule, detail)


def is_count(value: Value) -> bool:
    """A non-negative integer within 63 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def is_shape(value: Value) -> bool:
    """A tuple of at most 64 counts."""
    return isinstance(value, tuple) and len(value) <= 64 and all(is_count(item) for item in value)


def role(value: Value, allowed: Mapping[str, Allowed]) -> str:
    """What a name may be passed on as; empty when it is no name."""
    return allowed[value.text].role if isinstance(value, Name) else ""


def dtype_of(text: str) -> Made:
    """The dtype that numpy makes of a type string.

    Raises:
        Refused: ``pickle-call``: it is not a plain one.
    """
    refuse_unless(_TYPE.fullmatch(text) is not None, f"dtype {text[:40]!r}")
    letter, digits = text.lstrip("<>=|")[:1], text.lstrip("<>=|")[1:].split("[")[0]
    if letter == "O":
        return Made("dtype", size=8, objects=True)
    if letter == "?" or (not digits and letter in _LETTERS):
        return Made("dtype", size=_LETTERS[letter])
    return Made("dtype", size=int(digits) * (4 if letter == "U" else 1))


def make_dtype(arguments: tuple[Value, ...], _: Mapping[str, Allowed]) -> Made:
    """``numpy.dtype(text, align, copy)``."""
    refuse_unless(1 <= len(arguments) <= 3 and isinstance(arguments[0], str), "what is no type string")
    refuse_unless(all(isinstance(item, int) for item in arguments[1:]), "flags that are none")
    return dtype_of(arguments[0])


def plain_dtype(value: Value) -> Made:
    """A dtype without references.

    Raises:
        Refused: ``pickle-state``: it is something else.
    """
    if isinstance(value, Made) and value.kind == "dtype" and not value.objects:
        return value
    raise Refused("pickle-state", "a dtype")


def fill(target: Made, state: Value, allowed: Mapping[str, Allowed]) -> None:
    """``BUILD``: give state to what was made.

    Raises:
        Refused: ``pickle-state`` when this must not be given any, or not this.
    """
    if isinstance(state, Name) or (isinstance(state, Made) and state.kind == "refused"):
        raise Refused("pickle-state", f"{target.kind}: a name as state")
    rule = _STATES.get(target.kind)
    if rule is None or (target.built and target.kind != "ordered"):
        raise Refused("pickle-state", target.kind)
    rule(target, state, allowed)
    target.built = True


def _attributes(target: Made, state: Value, _: Mapping[str, Allowed]) -> None:
    """Plain attributes; none that Python itself gives a meaning, so that none can replace a method it calls."""
    fine = isinstance(state, Items) and state.kind == "dict" and state.count <= _STATE_KEYS
    refuse_unless(fine, f"{target.kind}: state that is no dict", "pickle-state")
    # More keys than are held cannot be seen, and no plain object has them.
    refuse_unless(not state.odd, f"{target.kind}: keys that are no text, or too many", "pickle-state")
    bad = next((key for key in state.held if key.startswith("__")), None)
    refuse_unless(bad is None, f"{target.kind}: attribute {bad}", "pickle-state")
    if target.kind == "ordered":
        refuse_unless(set(state.held) <= {"_metadata"}, "attributes of a dict", "pickle-state")
    if target.kind == "joblib-array":
        target.state = state
        state.locked = True


def _dtype_state(target: Made, state: Value, _: Mapping[str, Allowed]) -> None:
    """``numpy.dtype.__setstate__``: version, byte order, subarray, names, fields, size, alignment, flags."""
    fine = isinstance(state, tuple) and 8 <= len(state) <= 9 and isinstance(state[1], str)
    refuse_unless(
        fine and is_count(state[0]) and state[0] in {3, 4} and state[1] in set("<>|="),
        "dtype",
        "pickle-state",
    )
    _version, _order, subarray, names, fields, size, alignment, flags, *rest = state
    numbers = all(isinstance(item, int) and -1 <= item < 1 << 31 for item in (size, alignment, flags))
    refuse_unless(numbers and subarray is None, "dtype: subarray or sizes", "pickle-state")
    refuse_unless(not rest or _is_plain(rest[0]), "dtype: metadata", "pickle-state")
    if names is None:
        refuse_unless(fields is None and size in {-1, target.size}, "dtype: size", "pickle-state")
        refuse_unless(flags in ({63} if target.objects else _FLAGS), "dtype: flags", "pickle-state")
        return
    refuse_unless(flags in _FLAGS, "dtype: flags", "pickle-state")
    _fields(target, names, fields, size)


def _fields(target: Made, names: Value, fields: Value, size: int) -> None:
    fine = isinstance(names, tuple) and isinstance(fields, Items) and fields.kind == "dict" and not fields.odd
    refuse_unless(fine and size == target.size, "dtype: fields", "pickle-state")
    known = len(names) == len(fields.held) and all(
        isinstance(name, str) and name in fields.held for name in names
    )
    refuse_unless(known, "dtype: names", "pickle-state")
    for entry in fields.held.values():
        fine = isinstance(entry, tuple) and 2 <= len(entry) <= 3 and is_count(entry[1])
        refuse_unless(fine and plain_dtype(entry[0]).size + entry[1] <= size, "dtype: field", "pickle-state")
    fields.locked = True


def _array_state(_target: Made, state: Value, _: Mapping[str, Allowed]) -> None:
    """``numpy.ndarray.__setstate__``: version, shape, dtype, Fortran order, data."""
    refuse_unless(isinstance(state, tuple) and len(state) == 5, "array", "pickle-state")
    version, shape, dtype, order, data = state
    fine = version == 1 and is_shape(shape) and isinstance(order, int)
    refuse_unless(fine and isinstance(dtype, Made) and dtype.kind == "dtype", "array: state", "pickle-state")
    if dtype.objects:
        fine = isinstance(data, Items) and data.kind == "list" and data.count == math.prod(shape)
    else:
        fine = _is_long(data) or length(data) == math.prod(shape) * dtype.size
    refuse_unless(fine, "array: data that does not fit", "pickle-state")


def length(value: Value) -> int:
    """Length in bytes of a constant; -1 for anything else. Text of Python 2 counts as its bytes."""
    if isinstance(value, Bulk):
        return value.size if value.kind != "number" else -1
    return len(value) if isinstance(value, bytes | bytearray | str) else -1


def _is_long(value: Value) -> bool:
    """Bytes whose number is not known here, since they were escaped or encoded; numpy counts them itself."""
    return (isinstance(value, Made) and value.kind == "long-bytes") or (
        isinstance(value, Bulk) and value.kind == "escaped"
    )


_STATES: Final[dict[str, Callable[[Made, Value, Mapping[str, Allowed]], None]]] = {
    "ordered": _attributes,
    "estimator": _attributes,
    "namespace": _attributes,
    "joblib-array": _attributes,
    "dtype": _dtype_state,
    "array": _array_state,
}


def _is_plain(value: Value, depth: int = 2) -> bool:
    """Constants and small tuples of them; empty dicts too."""
    if isinstance(value, tuple):
        return depth > 0 and len(value) <= 8 and all(_is_plain(item, depth - 1) for item in value)
    if isinstance(value, Items):
        return value.kind == "dict" and value.count == 0
    return value is None or isinstance(value, int | float | str | bytes)


def array_bytes(wrapper: Made, reader: Reader) -> tuple[int, bool]:
    """Bytes of the array a joblib wrapper describes, and whether a pickle stands there instead. Passes over padding.

    Source: ``joblib.numpy_pickle.NumpyArrayWrapper.read_array``, joblib 0.10 to 1.6.

    Raises:
        Refused: ``pickle-state``: it does not describe one.
    """
    held = wrapper.state.held if wrapper.state is not None else {}
    dtype, shape, subclass = held.get("dtype"), held.get("shape"), held.get("subclass")
    if not (
        isinstance(dtype, Made) and dtype.kind == "dtype" and isinstance(shape, tuple) and is_shape(shape)
    ):
        raise Refused("pickle-state", "joblib array")
    if not (isinstance(subclass, Name) and subclass.text in {"numpy.ndarray", "numpy.memmap"}):
        raise Refused("pickle-state", "joblib array: subclass")
    if dtype.objects:
        return 0, True
    if held.get("numpy_array_alignment_bytes") is not None:
        reader.skip(reader.take(1)[0])
    return math.prod(shape) * dtype.size, False


def persistent_storage(saved: Value) -> tuple[str, Made]:
    """The storage that a persistent id of ``torch.save`` means, and its key.

    Raises:
        Refused: ``pickle-persistent-id``.
    """
    fine = isinstance(saved, tuple) and 5 <= len(saved) <= 6 and saved[0] == "storage"
    refuse_unless(fine, "not a storage", "pickle-persistent-id")
    kind, key, location, count = saved[1:5]
    fine = isinstance(kind, Name) and isinstance(key, str) and isinstance(location, str) and is_count(count)
    refuse_unless(fine, "not a storage", "pickle-persistent-id")
    size = STORAGES.get(kind.text, 0)
    refuse_unless(size > 0, kind.text, "pickle-persistent-id")
    refuse_unless(len(saved) == 5 or _is_view(saved[5]), "a view", "pickle-persistent-id")
    return key, Made("storage", size=size, count=count)


def _is_view(value: Value) -> bool:
    """Of the legacy format: None, or the key of the view, its offset and its size."""
    fine = isinstance(value, tuple) and len(value) == 3
    return value is None or (fine and isinstance(value[0], str) and is_count(value[1]) and is_count(value[2]))


STORAGES: Final[dict[str, int]] = {
    f"torch.{name}Storage": size
    for name, size in {
        **{"Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1},
        **{
            "Byte": 1,
            "Bool": 1,
            "ComplexDouble": 16,
            "ComplexFloat": 8,
            "QUInt8": 1,
            "QInt8": 1,
            "QInt32": 4,
        },
        **{"QUInt4x2": 1, "QUInt2x4": 1},
    }.items()
} | {"torch.storage.UntypedStorage": 1, "torch.UntypedStorage": 1}
"""Bytes per item of PyTorch's storage types."""


def one_text(arguments: tuple[Any, ...]) -> str:
    """The only argument, a text.

    Raises:
        Refused: it is something else.
    """
    refuse_unless(len(arguments) == 1 and isinstance(arguments[0], str), "what is no text")
    return str(arguments[0])


def encode(arguments: tuple[Value, ...], _: Mapping[str, Allowed]) -> Value:
    """``_codecs.encode(text, "latin1")``, as protocols 0 to 2 write bytes; another codec would be imported by name."""
    fine = len(arguments) == 2 and isinstance(arguments[1], str) and arguments[1] in LATIN
    refuse_unless(fine, "a codec")
    text = arguments[0]
    if isinstance(text, str):
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError:
            raise Refused("pickle-call", "text outside Latin-1") from None
    refuse_unless(isinstance(text, Bulk) and text.kind in {"text", "escaped"}, "what is no text")
    return Made("long-bytes")

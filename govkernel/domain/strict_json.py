"""Read JSON from strangers: bounded in size and depth, no duplicate keys, strict UTF-8 (RFC 8259, I-JSON RFC 7493).

Parsing happens once, at the edge; what comes out needs no second check.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn

import rfc8785

from govkernel.errors import InputError

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_DEPTH: Final = 64

_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NOT_BRACKET: Final = re.compile(rb"[^\[\]{}]+")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_LARGEST: Final = 2**53 - 1
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
_REMEDY: Final = "Send one UTF-8 JSON document within the documented limits."


def loads(
    data: bytes | str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, halves: bool = False
) -> Any:
    """Parse one JSON document.

    Args:
        data: the document; bytes must be UTF-8 without a byte order mark.
        max_bytes: largest accepted size, in bytes.
        max_depth: deepest accepted nesting of arrays and objects.
        halves: accept escaped halves of a surrogate pair, whose other half another document of a stream may hold.

    Returns:
        Plain ``dict``/``list``/``str``/``int``/``float``/``bool``/``None`` values.

    Raises:
        InputError: ``json.too-large``, ``json.not-utf8``, ``json.too-deep``,
            ``json.duplicate-key``, ``json.not-finite`` or ``json.malformed``.
    """
    try:
        raw = data.encode("utf-8") if isinstance(data, str) else bytes(data)
    except UnicodeEncodeError as error:
        raise _refuse("not-utf8", "The document holds a lone surrogate.", str(error)) from None
    if len(raw) > max_bytes:
        raise _refuse("too-large", f"The document has {len(raw)} bytes.", f"limit {max_bytes}")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        why = f"byte {error.start}: {error.reason}"
        raise _refuse("not-utf8", "The document is not valid UTF-8.", why) from None
    if deeper_than(raw, max_depth):
        raise _refuse("too-deep", "The document is nested too deep.", f"limit {max_depth} levels")
    if text.startswith("\ufeff"):
        raise _refuse("malformed", "The document is not valid JSON.", "It begins with a byte order mark.")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _refuse("malformed", "The document is not valid JSON.", str(error)) from None
    except ValueError:
        raise _refuse("malformed", "The document is not valid JSON.", "a number of too many digits") from None
    if not halves and _SURROGATE.search(raw):
        _refuse_lone_surrogates(value)
    return value


def canonical(value: Any) -> bytes:
    """The RFC 8785 (JCS) encoding of ``value``: same value, same bytes.

    Raises:
        InputError: ``json.not-canonical`` when the value has no JCS form
            (integers beyond 2**53, NaN, lone surrogates, unknown types).
    """
    try:
        if _plain((value,)):
            return _ENCODER.encode(value).encode()
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError, TypeError) as error:
        raise _refuse("not-canonical", "The value has no canonical JSON form.", str(error)) from None


def _plain(items: Iterable[Any]) -> bool:
    """Whether the standard encoder writes these in canonical form too, which it does several times faster.

    It does not for floats and for keys beyond ASCII, whose order by UTF-16 may be another; subclasses are left to the
    reference as well.
    """
    for item in items:
        kind = type(item)
        if kind is str or item is None or kind is bool:
            continue
        if kind is int:
            if not -_LARGEST <= item <= _LARGEST:
                return False
        elif isinstance(item, dict):
            if not "".join(item).isascii() or not _plain(item.values()):
                return False
        elif (kind is not list and kind is not tuple) or not _plain(item):
            return False
    return True


def deeper_than(raw: bytes, limit: int) -> bool:
    """Whether brackets outside strings nest deeper than ``limit``, found without recursion."""
    if raw.count(b"[") + raw.count(b"{") <= limit:
        return False
    depth = 0
    for bracket in _NOT_BRACKET.sub(b"", _STRING.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            return True
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _refuse("duplicate-key", "An object names a key twice.", f"key {twice[:80]!r}")
    return result


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _refuse("not-finite", "The document holds a number that is too large.", text[:80])
    return number


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _refuse("not-utf8", "The document holds a lone surrogate.", str(error)[:200]) from None


def _no_constant(name: str) -> NoReturn:
    raise _refuse("not-finite", "The document holds a number JSON does not have.", name)


def _refuse(problem: str, what: str, why: str) -> InputError:
    return InputError(f"json.{problem}", what, why=why, remedy=_REMEDY)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
)
"""Made once: it holds no state of a document."""

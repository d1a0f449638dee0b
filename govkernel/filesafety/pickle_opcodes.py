"""Read pickle opcodes and their arguments, without holding what is large. The grammar is pickletools'; the stream is
not trusted to be one. Python 3.13 documentation of ``pickle`` and ``pickletools``, protocols 0 to 5.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable
from typing import Any, Final

from govkernel.filesafety.pickle_values import BULK, Bulk
from govkernel.filesafety.source import Reader, Truncated

HELD: Final = 512
"""Largest argument, in bytes, that is kept; longer ones are only counted."""

MAX_LINE: Final = 1 << 20


class Malformed(Exception):
    """An opcode that is none, or an argument a loader would refuse."""


def next_opcode(reader: Reader) -> tuple[str, Any]:
    """Name and argument of the next opcode.

    Returns:
        The argument as ``int``, ``float``, ``str``, ``bytes``, a pair of ``str``, ``None``, or :class:`Bulk` in
        place of something long.

    Raises:
        Truncated: the source ends inside the opcode.
        Malformed: there is no such opcode, or its argument is none.
    """
    entry = _TABLE.get(reader.take(1)[0])
    if entry is None:
        raise Malformed
    name, read = entry
    if read is None:
        return name, None
    try:
        return name, read(reader)
    except (ValueError, struct.error) as error:
        raise Malformed from error


def _number(layout: str) -> Callable[[Reader], Any]:
    return lambda reader: reader.unpack(layout)[0]


def _counted(layout: str, finish: Callable[[bytes], Any]) -> Callable[[Reader], Any]:
    def read(reader: Reader) -> Any:
        count: int = reader.unpack(layout)[0]
        if count < 0:
            raise Malformed
        if count > HELD:
            reader.skip(count)
            return Bulk(BULK[finish], count)
        return finish(reader.take(count))

    return read


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _old_text(data: bytes) -> str:
    """Strings of Python 2 are ASCII to a loader, unless it is told otherwise."""
    return data.decode("latin-1")


def _long(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


BULK.update({_text: "text", _old_text: "text", bytes: "bytes", bytearray: "bytearray", _long: "number"})


def _integer(reader: Reader) -> Any:
    line = reader.line(MAX_LINE)
    if line in {b"00", b"01"}:
        return line == b"01"
    return _decimal(line)


def _decimal(line: bytes) -> Any:
    if len(line) > 1000:
        return Bulk("number", len(line))
    return int(line.strip().removesuffix(b"L") or b"0")


def _quoted(reader: Reader) -> Any:
    line = reader.line(MAX_LINE).strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in {b"'", b'"'}:
        raise Malformed
    if b"\\" in line or len(line) > HELD:
        return Bulk("escaped", len(line))
    return _old_text(line[1:-1])


def _raw_unicode(reader: Reader) -> Any:
    line = reader.line(MAX_LINE)
    return Bulk("escaped", len(line)) if len(line) > HELD else line.decode("raw-unicode-escape")


def _pair(reader: Reader) -> tuple[str, str]:
    return reader.line(HELD).decode("utf-8"), reader.line(HELD).decode("utf-8")


_ARGUMENTS: Final[dict[str, Callable[[Reader], Any]]] = {
    "uint1": _number("<B"),
    "uint2": _number("<H"),
    "int4": _number("<i"),
    "uint4": _number("<I"),
    "uint8": _number("<Q"),
    "float8": _number(">d"),
    "decimalnl_short": _integer,
    "decimalnl_long": lambda reader: _decimal(reader.line(MAX_LINE)),
    "floatnl": lambda reader: float(reader.line(HELD)),
    "stringnl": _quoted,
    "stringnl_noescape": lambda reader: _old_text(reader.line(HELD)),
    "stringnl_noescape_pair": _pair,
    "unicodestringnl": _raw_unicode,
    "string1": _counted("<B", _old_text),
    "string4": _counted("<i", _old_text),
    "bytes1": _counted("<B", bytes),
    "bytes4": _counted("<I", bytes),
    "bytes8": _counted("<Q", bytes),
    "bytearray8": _counted("<Q", bytearray),
    "unicodestring1": _counted("<B", _text),
    "unicodestring4": _counted("<I", _text),
    "unicodestring8": _counted("<Q", _text),
    "long1": _counted("<B", _long),
    "long4": _counted("<i", _long),
}

_TABLE: Final = {
    ord(opcode.code): (opcode.name, None if opcode.arg is None else _ARGUMENTS[opcode.arg.name])
    for opcode in pickletools.opcodes
}

__all__ = ["Malformed", "Truncated", "next_opcode"]

"""Walk protobuf messages by field number, without their classes. Source: the encoding page of protobuf.dev."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from govkernel.filesafety.interface import Refused
from govkernel.filesafety.source import Reader, Source, Truncated, Window

MAX_FIELDS = 2_000_000
MAX_TEXT = 1 << 20


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: its number, and the bytes of a nested one or the value of a plain one."""

    number: int
    nested: Window | None = None
    value: int = 0

    def text(self) -> str:
        """The nested bytes as text, at most 1 MiB of them.

        Raises:
            Refused: ``too-large``.
        """
        if self.nested is None:
            return ""
        if self.nested.size > MAX_TEXT:
            raise Refused("too-large", "a text")
        return self.nested.read(0, self.nested.size).decode("utf-8", "replace")


class Walker:
    """Walks messages; counts what it sees, over all of them.

    Attributes:
        rule: rule of the finding when a message is malformed.
    """

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self._seen = 0

    def fields(self, message: Source | None) -> Iterator[Field]:
        """The fields of a message, in the order they stand in it.

        Raises:
            Refused: the message is malformed, or there are too many fields.
        """
        if message is None:
            raise Refused(self.rule, "a number where a message should be")
        reader = Reader(message)
        try:
            while reader.left:
                self._seen += 1
                if self._seen > MAX_FIELDS:
                    raise Refused("too-large", "fields")
                yield self._field(reader, message)
        except Truncated:
            raise Refused(self.rule, "a message that breaks off") from None

    def _field(self, reader: Reader, message: Source) -> Field:
        key = _varint(reader)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise Refused(self.rule, "a field without a number")
        if kind == 0:
            return Field(number, value=_varint(reader))
        if kind == 2:
            length = _varint(reader)
            start = reader.position
            reader.skip(length)
            return Field(number, Window(message, start, length))
        if kind in {1, 5}:
            reader.skip(8 if kind == 1 else 4)
            return Field(number)
        raise Refused(self.rule, f"a field of type {kind}")


def _varint(reader: Reader) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = reader.take(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF
    raise Truncated

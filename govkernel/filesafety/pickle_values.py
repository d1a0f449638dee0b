"""What stands on the abstract stack of a pickle. Constants stand for themselves: ``None``, ``bool``, ``int``,
``float``, ``str``, ``bytes``, ``bytearray`` and tuples of values. Values are never compared or hashed as wholes:
tuples may share parts without end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

Value = Any
"""A constant as above, or one of the classes below."""

BULK: Final[dict[Callable[[bytes], Any], str]] = {}
"""What a decoder yields, for arguments too long to decode."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """A constant too long to keep.

    Attributes:
        kind: ``text``, ``bytes``, ``bytearray``, ``number``, or ``escaped``: text whose own length is not known.
        size: in bytes.
    """

    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function on the allow-list; ``text`` is its full name."""

    text: str


@dataclass(slots=True)
class Items:
    """A list, dict or set being filled.

    Attributes:
        kind: ``list``, ``dict`` or ``set``.
        held: of a dict, what its first few short text keys stand for.
        count: entries put in.
        locked: it became part of something that must not change any more.
        heavy: it has a tuple that takes long to hash.
        odd: it has entries that ``held`` does not know.
    """

    kind: str
    held: dict[str, Value] = field(default_factory=dict)
    count: int = 0
    locked: bool = False
    heavy: bool = False
    odd: bool = False


@dataclass(slots=True)
class Made:
    """What a call returned.

    Attributes:
        kind: what may be done with it: ``tensor``, ``array``, ``dtype``, ``ordered``, ``estimator``, …
        size: bytes per item of a dtype or storage; 0 if it has none.
        count: items of a storage.
        objects: a dtype with references to objects.
        built: state was given to it.
        state: that of a joblib array.
    """

    kind: str
    size: int = 0
    count: int = 0
    objects: bool = False
    built: bool = False
    state: Items | None = None


class Mark:
    """The mark on the stack."""


MARK: Final = Mark()


def weight(value: Value, limit: int) -> int:
    """How many values hashing a tuple visits, counted up to a limit."""
    waiting, seen = [value], 0
    while waiting and seen <= limit:
        item = waiting.pop()
        seen += 1
        if isinstance(item, tuple):
            if len(item) + len(waiting) > limit:
                return limit + 1
            waiting.extend(item)
    return seen

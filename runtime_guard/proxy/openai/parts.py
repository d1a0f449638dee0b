"""Where a text stands in a delta that has structure, so that it goes on in the next delta and its rest has a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime_guard.proxy.wire import TYPE, is_word


@dataclass(frozen=True)
class Place:
    """An element of an array: by what it says of itself, or else by its number.

    Attributes:
        number: where it stands; 0 for one that says more.
        index: what it calls its index.
        kind: what it calls its type, if that is a word.
    """

    number: int
    index: int | None = None
    kind: str | None = None


Path = tuple[str | Place, ...]
"""The members and elements that lead from a delta to a text."""


def place_of(item: Any, number: int) -> Place:
    """The place of an element that stands at ``number`` in an array."""
    if not isinstance(item, dict):
        return Place(number)
    index = item["index"] if isinstance(item.get("index"), int) else None
    kind = item[TYPE] if is_word(item.get(TYPE)) else None
    return Place(number) if index is None and kind is None else Place(0, index, kind)


def last_names(path: Path) -> tuple[str, str]:
    """The name of the member that a path leads to, and of the one around it; empty if there is none."""
    names = [step for step in path if isinstance(step, str)]
    return (names[-1] if names else "", names[-2] if len(names) > 1 else "")


def nested(path: Path, text: str) -> tuple[str, Any]:
    """The member of a delta, and what it holds when it holds nothing but a text at a path."""
    value: Any = text
    for step in reversed(path[1:]):
        value = {step: value} if isinstance(step, str) else [_named(step, value)]
    return str(path[0]), value


def joined(one: Any, other: Any) -> Any:
    """Two such values of the same member as one."""
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    if isinstance(one, dict) and isinstance(other, dict):
        both = {key: joined(one[key], other[key]) for key in one.keys() & other.keys()}
        return {**one, **other, **both}
    return other


def _named(place: Place, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    said = {"index": place.index, TYPE: place.kind}
    return {**{key: item for key, item in said.items() if item is not None}, **value}

"""Every text in a JSON tree: strings, long numbers and names of members; and how to put them back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from govkernel.domain import strict_json
from govkernel.errors import InputError
from runtime_guard.halves import joined
from runtime_guard.numbers import is_long
from runtime_guard.proxy.wire import TYPE, Words, is_setting

_WHOLE: Final = re.compile(r"-?[1-9][0-9]{0,39}")


def _nothing() -> None:
    """What is left to do for a text that stands in the tree itself."""


@dataclass(frozen=True)
class Slot:
    """One place that holds text.

    Attributes:
        role: who wrote it: ``system``, ``user``, ``tool`` or ``assistant``.
        text: what it holds.
        put: replaces it in the tree.
        field: the field of a message that is this text and nothing else; empty for a part of one.
        turn: number of the message whose content it is, or a part of it; -1 for anything else.
        data: it is in a value of somebody's data, e.g. the input of a tool, so that nobody says it.
        passing: it is in a part that may be left out.
        settle: to be called once when all texts are put: it renames members, and writes JSON that is held as text.
    """

    role: str
    text: str
    put: Callable[[str], None]
    field: str = ""
    turn: int = -1
    data: bool = False
    passing: bool = False
    settle: Callable[[], None] = _nothing


def put_back(slots: Sequence[Slot], texts: Sequence[str]) -> None:
    """Replace the texts that changed; what they stand in is written once.

    Args:
        slots: all those of a tree that may change.
        texts: one for each.
    """
    unsettled: dict[Callable[[], None], None] = {}
    for slot, text in zip(slots, texts, strict=True):
        if text != slot.text:
            slot.put(text)
            unsettled[slot.settle] = None
    for settle in unsettled:
        settle()


@dataclass(frozen=True)
class _Where:
    """Where a walk is.

    Attributes:
        role: who wrote what is here.
        wire: it is in the wire format.
        data: it is in a value of somebody's data.
        media: it is in a part that holds media.
        passing: it is in a part that may be left out.
        parent: name of the member that holds it, or the kind of the part.
    """

    role: str
    wire: bool
    data: bool = False
    media: bool = False
    passing: bool = False
    parent: str = ""


class Walk:
    """Finds the texts of a tree.

    Args:
        role: who wrote it.
        words: of the wire format.
        wire: it is in the wire format, so that what has the shape that its name promises is passed over and
            arguments of calls are looked into; otherwise all of it is somebody's data.
        strings: whether strings count; otherwise only numbers and names.
    """

    def __init__(self, role: str, words: Words, *, wire: bool = True, strings: bool = True) -> None:
        self._words = words
        self._strings = strings
        self._where = _Where(role, wire)
        self._names: dict[str, _Names] = {}

    def at(self, holder: Any, key: Any) -> Iterator[Slot]:
        """The texts of ``holder[key]``.

        Args:
            holder: an object or an array.
            key: of a member of it.
        """
        return self._at(holder, key, self._where)

    def enter(self, part: dict[str, Any]) -> None:
        """Be in a part from now on: its kind says who wrote it, and what its members are."""
        self._where = self._within(part, self._where)
        self.see(part)

    def see(self, holder: dict[str, Any]) -> None:
        """Take note of the names of an object's own members, for :meth:`names`."""
        self._see(holder, self._where)

    def names(self) -> Iterator[Slot]:
        """The names of members of all objects that were seen, each name once for everybody who wrote it."""
        for role, names in self._names.items():
            for name in names.seen:
                yield Slot(role, name, partial(names.put, name), settle=names.settle)

    def whole(self, value: Any) -> Iterator[Slot]:
        """The texts in an object or an array, names of members included."""
        yield from self._inside(value, self._where)
        yield from self.names()

    def _at(self, holder: Any, key: Any, where: _Where) -> Iterator[Slot]:
        value = holder[key]
        name = key if isinstance(key, str) else where.parent
        if isinstance(value, str):
            if value and self._strings:
                yield from self._string(holder, key, name, where)
        elif isinstance(value, dict | list):
            data = where.data or (where.wire and key in self._words.values)
            yield from self._inside(
                value, replace(where, parent=name, data=data, wire=where.wire and not data)
            )
        elif is_long(value) and not (where.wire and is_setting(value, name)):
            put = partial(_put_number, holder, key)
            yield Slot(where.role, _digits(value), put, data=where.data, passing=where.passing)

    def _inside(self, value: Any, where: _Where) -> Iterator[Slot]:
        if isinstance(value, dict):
            media = self._words.is_media(value, where.parent, within=where.media)
            where = replace(self._within(value, where), media=media)
            self._see(value, where)
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from self._at(value, key, where)

    def _within(self, part: dict[str, Any], where: _Where) -> _Where:
        kind = part.get(TYPE) if where.wire else None
        if not isinstance(kind, str):
            return where
        if kind in self._words.kinds:
            where = replace(where, parent=kind)
        if kind in self._words.passing:
            where = replace(where, passing=True)
        speaker = self._words.speaker_of(kind)
        return where if speaker is None else replace(where, role=speaker)

    def _see(self, holder: dict[str, Any], where: _Where) -> None:
        self._names.setdefault(where.role, _Names(self._words)).see(holder)

    def _string(self, holder: Any, key: Any, name: str, where: _Where) -> Iterator[Slot]:
        words = self._words
        if where.wire and key == words.arguments:
            yield from _in_arguments(holder, where.role, words)
        elif not (where.wire and words.is_no_text(holder[key], name, where.parent, media=where.media)):
            put = partial(holder.__setitem__, key)
            yield Slot(where.role, holder[key], put, data=where.data, passing=where.passing)


class _Names:
    """Names of members, and what they are to become.

    Members that would have the same name are told apart by a number behind it.
    """

    def __init__(self, words: Words) -> None:
        self._words = words
        self.seen: dict[str, list[dict[str, Any]]] = {}
        self._new: dict[str, str] = {}

    def see(self, holder: dict[str, Any]) -> None:
        for name in holder:
            if not self._words.is_known(name):
                self.seen.setdefault(name, []).append(holder)

    def put(self, name: str, new: str) -> None:
        self._new[name] = new

    def settle(self) -> None:
        for holder in {id(item): item for name in self._new for item in self.seen[name]}.values():
            members = [(self._new.get(name, name), value) for name, value in holder.items()]
            holder.clear()
            holder.update(_told_apart(members))


def _told_apart(members: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    taken = {name for name, _ in members}
    given: dict[str, int] = {}
    for name, value in members:
        number = given.get(name, 0) + 1
        own = name
        while number > 1 and (own := f"{name} {number}") in taken:
            number += 1
        given[name] = number
        yield own, value


def _in_arguments(holder: dict[str, Any], role: str, words: Words) -> Iterator[Slot]:
    """The texts in ``holder[words.arguments]``: those of the JSON it holds, or all of it when it is not JSON.

    JSON is looked into because an escaped character would hide a value from a look at the text. A stream may have cut
    characters in halves, which are put together first.
    """
    key = words.arguments
    text = holder[key] = joined(holder[key])
    try:
        root = [strict_json.loads(text)]
    except InputError:
        yield Slot(role, text, partial(holder.__setitem__, key), field=key)
        return
    walk = Walk(role, words, wire=False)
    slots = list(walk.whole(root))
    settles = dict.fromkeys(slot.settle for slot in slots)

    def write() -> None:
        for settle in settles:
            settle()
        holder[key] = json.dumps(root[0], ensure_ascii=False)

    for slot in slots:
        yield replace(slot, settle=write)


def _digits(value: float) -> str:
    """A number as it would be written without an exponent."""
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def _put_number(holder: Any, key: Any, text: str) -> None:
    """A number stays one where what replaces it can be written as one; else it becomes a string."""
    holder[key] = int(text) if _WHOLE.fullmatch(text) else text

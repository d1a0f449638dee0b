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
from runtime_guard.numbers import is_long
from runtime_guard.proxy.wire import Words, is_setting

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
        settle: to be called once when all texts are put: it renames members, and writes JSON that is held as text.
    """

    role: str
    text: str
    put: Callable[[str], None]
    field: str = ""
    turn: int = -1
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
        self._role = role
        self._words = words
        self._wire = wire
        self._strings = strings
        self._names = _Names(words)

    def at(self, holder: Any, key: Any, parent: str = "", *, media: bool = False) -> Iterator[Slot]:
        """The texts of ``holder[key]``.

        Args:
            holder: an object or an array.
            key: of a member of it.
            parent: name of the member that holds ``holder``.
            media: it is in a part that holds media.
        """
        value = holder[key]
        name = key if isinstance(key, str) else parent
        if isinstance(value, str):
            if value and self._strings:
                yield from self._string(holder, key, name, parent, media=media)
        elif isinstance(value, dict | list):
            yield from self.inside(value, name, media=media)
        elif is_long(value) and not (self._wire and is_setting(value, name)):
            yield Slot(self._role, _digits(value), partial(_put_number, holder, key))

    def inside(self, value: Any, parent: str = "", *, media: bool = False) -> Iterator[Slot]:
        """The texts in an object or an array, without the names of members.

        Args:
            value: the object or array.
            parent: name of the member that holds it.
            media: it is in a part that holds media.
        """
        if isinstance(value, dict):
            self.see(value)
            media = self._words.is_media(value, parent, within=media)
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from self.at(value, key, parent, media=media)

    def see(self, holder: dict[str, Any]) -> None:
        """Take note of the names of an object's own members, for :meth:`names`."""
        self._names.see(holder)

    def names(self) -> Iterator[Slot]:
        """The names of members of all objects that were seen, each name once."""
        for name in self._names.seen:
            yield Slot(self._role, name, partial(self._names.put, name), settle=self._names.settle)

    def whole(self, value: Any) -> Iterator[Slot]:
        """The texts in an object or an array, names of members included."""
        yield from self.inside(value)
        yield from self.names()

    def _string(self, holder: Any, key: Any, name: str, parent: str, *, media: bool) -> Iterator[Slot]:
        if self._wire and key == self._words.arguments:
            yield from _in_arguments(holder, self._role, self._words)
        elif not (self._wire and self._words.is_no_text(holder[key], name, parent, media=media)):
            yield Slot(self._role, holder[key], partial(holder.__setitem__, key))


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

    JSON is looked into because an escaped character would hide a value from a look at the text.
    """
    key = words.arguments
    text = holder[key]
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

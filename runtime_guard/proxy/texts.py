"""Where text is in requests and answers: all of it but what cannot be any, by the words of their wire form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from runtime_guard.proxy.forms import WireForm
from runtime_guard.proxy.tree import Slot, Walk
from runtime_guard.proxy.wire import CONTENT, Words, is_word

MAX_MESSAGES: Final = 2000
_ELSEWHERE: Final = frozenset({"messages", "model"})
"""Fields of a request that are not walked: one by one, and by name, to find the upstream."""
_LARGEST_COUNT: Final = 10**15


def request_slots(body: Any, form: WireForm) -> list[Slot]:
    """Every text of a request.

    Raises:
        InputError: ``guard.request-malformed``.
    """
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not messages or len(messages) > MAX_MESSAGES:
        raise form.api.malformed(f"'messages' must be a list of 1 to {MAX_MESSAGES} messages.")
    words = form.words
    slots: list[Slot] = []
    for turn, message in enumerate(messages):
        if not isinstance(message, dict):
            raise form.api.malformed("A message must be an object.")
        slots.extend(message_slots(message, words.role_of(message), words, turn))
    for key in body:
        slots.extend(_field_slots(body, key, words))
    walk = Walk("tool", words)
    walk.see(body)
    return [*slots, *walk.names()]


def _field_slots(body: dict[str, Any], key: str, words: Words) -> Iterator[Slot]:
    if key not in _ELSEWHERE:
        walk = Walk(words.fields.get(key, "tool"), words, wire=key not in words.data)
        yield from walk.at(body, key)
        yield from walk.names()


def message_slots(message: dict[str, Any], role: str, words: Words, turn: int = -1) -> Iterator[Slot]:
    """Every text of one message: content, parts, refusals, reasoning, tool calls, what vendors add.

    Args:
        message: of a request or an answer, or a part of one.
        role: who wrote it.
        words: of the wire form.
        turn: its number in the conversation.
    """
    walk = Walk(role, words)
    walk.enter(message)
    for key, value in message.items():
        field = key if isinstance(value, str) and key != words.arguments else ""
        for slot in walk.at(message, key):
            spoken = key == CONTENT and not slot.data
            yield replace(slot, field=field or slot.field, turn=turn if spoken else -1)
    yield from walk.names()


def frame_slots(frame: dict[str, Any], words: Words, *, strings: bool = True) -> Iterator[Slot]:
    """Every text of a part of an answer beside its messages: what the server says of it, and what vendors add.

    Args:
        frame: an answer, a choice, or a delta of one.
        words: of the wire form.
        strings: whether strings count; otherwise only numbers and names.
    """
    return Walk("assistant", words, strings=strings).whole(frame)


def name_slots(holder: dict[str, Any], words: Words) -> Iterator[Slot]:
    """The names of the members of a part of an answer, not of what they hold."""
    walk = Walk("assistant", words)
    walk.see(holder)
    return walk.names()


def counts(usage: Any) -> Any:
    """The numbers in a report of usage, under names that are words; nothing else."""
    if isinstance(usage, dict):
        kept = {name: counts(value) for name, value in usage.items() if is_word(name)}
        return {name: value for name, value in kept.items() if value is not None}
    return usage if isinstance(usage, int | float) and abs(usage) < _LARGEST_COUNT else None

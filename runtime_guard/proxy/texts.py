"""Where text is in chat completions (OpenAI API reference, "Chat"): all of it but what cannot be any."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from govkernel.errors import InputError
from runtime_guard.proxy.tree import Slot, Walk
from runtime_guard.proxy.wire import CONTENT, DATA, FIELDS, is_word, role_of

MAX_MESSAGES: Final = 2000
_ELSEWHERE: Final = frozenset({"messages", "model"})
"""Fields of a request that are not walked: one by one, and by name, to find the upstream."""
_LARGEST_COUNT: Final = 10**15


def request_slots(body: Any) -> list[Slot]:
    """Every text of a chat request.

    Raises:
        InputError: ``guard.request-malformed``.
    """
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not messages or len(messages) > MAX_MESSAGES:
        raise malformed(f"'messages' must be a list of 1 to {MAX_MESSAGES} messages.")
    slots: list[Slot] = []
    for turn, message in enumerate(messages):
        if not isinstance(message, dict):
            raise malformed("A message must be an object.")
        slots.extend(message_slots(message, role_of(message), turn))
    for key in body:
        slots.extend(_field_slots(body, key))
    walk = Walk("tool")
    walk.see(body)
    return [*slots, *walk.names()]


def _field_slots(body: dict[str, Any], key: str) -> Iterator[Slot]:
    if key not in _ELSEWHERE:
        walk = Walk(FIELDS.get(key, "tool"), wire=key not in DATA)
        yield from walk.at(body, key)
        yield from walk.names()


def message_slots(message: dict[str, Any], role: str, turn: int = -1) -> Iterator[Slot]:
    """Every text of one message: content, parts, refusals, reasoning, tool calls, what vendors add.

    Args:
        message: of a request or an answer.
        role: who wrote it.
        turn: its number in the conversation.
    """
    walk = Walk(role)
    walk.see(message)
    for key, value in message.items():
        field = key if isinstance(value, str) else ""
        for slot in walk.at(message, key):
            yield replace(slot, field=field or slot.field, turn=turn if key == CONTENT else -1)
    yield from walk.names()


def frame_slots(frame: dict[str, Any], *, strings: bool = True) -> Iterator[Slot]:
    """Every text of a part of an answer beside its messages: what the server says of it, and what vendors add.

    Args:
        frame: an answer, a choice, or a delta of one.
        strings: whether strings count; otherwise only numbers and names.
    """
    return Walk("assistant", strings=strings).whole(frame)


def name_slots(holder: dict[str, Any]) -> Iterator[Slot]:
    """The names of the members of a part of an answer, not of what they hold."""
    walk = Walk("assistant")
    walk.see(holder)
    return walk.names()


def counts(usage: Any) -> Any:
    """The numbers in a report of usage, under names that are words; nothing else."""
    if isinstance(usage, dict):
        kept = {name: counts(value) for name, value in usage.items() if is_word(name)}
        return {name: value for name, value in kept.items() if value is not None}
    return usage if isinstance(usage, int | float) and abs(usage) < _LARGEST_COUNT else None


def beginning(body: dict[str, Any]) -> str:
    """What is the same in every turn of a chat: who asks, and the first message of the user.

    Not the system prompt, which may hold the time or documents of the turn.
    """
    messages = [item for item in body.get("messages", ()) if isinstance(item, dict)]
    said = next((item.get("content") for item in messages if item.get("role") == "user"), None)
    return json.dumps([body.get("user"), body.get("safety_identifier"), said], sort_keys=True)


def answers_in_json(body: dict[str, Any]) -> bool:
    """Whether the request asks for an answer whose content is JSON."""
    wanted = body.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def malformed(why: str) -> InputError:
    """The error for a request that is not a chat request."""
    return InputError(
        "guard.request-malformed",
        "The request is not a chat-completions request.",
        why=why,
        remedy="Send JSON as the OpenAI API reference describes it.",
    )

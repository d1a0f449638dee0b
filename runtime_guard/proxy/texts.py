"""Where text is in the chat-completions wire format (OpenAI API reference, "Chat"), and how to put it back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from govkernel.domain import strict_json
from govkernel.errors import InputError

MAX_MESSAGES: Final = 2000
ROLES: Final = {"developer": "system", "system": "system", "user": "user", "tool": "tool", "function": "tool"}
NOT_TEXT: Final = frozenset({"role", "id", "type", "name", "tool_call_id", "index", "object"})
"""Keys of a message whose strings are not written by a model or a person."""


@dataclass(frozen=True)
class Slot:
    """One place that holds text.

    Attributes:
        role: who wrote it: ``system``, ``user``, ``tool`` or ``assistant``.
        text: what it holds.
        put: replaces it.
    """

    role: str
    text: str
    put: Callable[[str], None]


def request_slots(body: Any) -> list[Slot]:
    """Every text of a chat request.

    Raises:
        InputError: ``guard.request-malformed``.
    """
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not messages or len(messages) > MAX_MESSAGES:
        raise malformed(f"'messages' must be a list of 1 to {MAX_MESSAGES} messages.")
    slots: list[Slot] = []
    for message in messages:
        if not isinstance(message, dict):
            raise malformed("A message must be an object.")
        role = ROLES.get(str(message.get("role")), "assistant")
        slots.extend(message_slots(message, role))
    for tool in body.get("tools") or ():
        slots.extend(_leaves(tool, "system", keys=frozenset({"description"})))
    if isinstance(body.get("prediction"), dict):
        slots.extend(message_slots(body["prediction"], "assistant"))
    return slots


def message_slots(message: dict[str, Any], role: str) -> Iterator[Slot]:
    """Every text of one message: content, parts, refusals, reasoning, tool-call arguments."""
    for key, value in message.items():
        if key in NOT_TEXT:
            continue
        if isinstance(value, str):
            yield _slot(message, key, role)
        elif key == "content" and isinstance(value, list):
            yield from _parts(value, role)
        elif key in ("tool_calls", "function_call"):
            for call in value if isinstance(value, list) else [value]:
                yield from _arguments(call, role)
        else:
            yield from _leaves(value, role, keys=frozenset({"transcript"}) if key == "audio" else None)


def argument_slots(holder: dict[str, Any], role: str) -> Iterator[Slot]:
    """The texts in ``holder["arguments"]``: every string of the JSON it holds, or all of it when it is not JSON.

    JSON is looked into because an escaped character would hide a value from a look at the text.
    """
    text = holder.get("arguments")
    if not isinstance(text, str) or not text:
        return
    try:
        value = strict_json.loads(text)
    except InputError:
        yield _slot(holder, "arguments", role)
        return
    root = {"value": value}

    def write_back(slot: Slot) -> Callable[[str], None]:
        def put(new: str) -> None:
            slot.put(new)
            holder["arguments"] = json.dumps(root["value"], ensure_ascii=False)

        return put

    for slot in list(_leaves(root, role, numbers=True)):
        yield Slot(role, slot.text, write_back(slot))


def _parts(parts: list[Any], role: str) -> Iterator[Slot]:
    for part in parts:
        if isinstance(part, dict):
            for key in ("text", "refusal"):
                if isinstance(part.get(key), str):
                    yield _slot(part, key, role)


def _arguments(call: Any, role: str) -> Iterator[Slot]:
    if isinstance(call, dict):
        function = call.get("function") or call.get("custom") or call
        if isinstance(function, dict):
            yield from argument_slots(function, role)
            if isinstance(function.get("input"), str):
                yield _slot(function, "input", role)


def _leaves(
    value: Any, role: str, *, keys: frozenset[str] | None = None, numbers: bool = False
) -> Iterator[Slot]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(pairs):
        if isinstance(item, str):
            if keys is None or key in keys:
                yield _slot(value, key, role)
        elif numbers and isinstance(item, int) and not isinstance(item, bool) and abs(item) >= 10**8:
            yield _slot(value, key, role)
        else:
            yield from _leaves(item, role, keys=keys, numbers=numbers)


def _slot(holder: Any, key: Any, role: str) -> Slot:
    def put(text: str) -> None:
        holder[key] = text

    return Slot(role, str(holder[key]), put)


def malformed(why: str) -> InputError:
    """The error for a request that is not a chat request."""
    return InputError(
        "guard.request-malformed",
        "The request is not a chat-completions request.",
        why=why,
        remedy="Send JSON as the OpenAI API reference describes it.",
    )

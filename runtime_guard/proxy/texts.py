"""Where text is in the chat-completions wire format (OpenAI API reference, "Chat"), and how to put it back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from govkernel.domain import strict_json
from govkernel.errors import InputError

MAX_MESSAGES: Final = 2000
ROLES: Final = {"developer": "system", "system": "system", "user": "user", "tool": "tool", "function": "tool"}
NOT_TEXT: Final = frozenset({"role", "id", "type", "tool_call_id", "index", "object"})
"""Keys of a message whose strings are not written by a model or a person."""
NOT_TEXT_IN_PARTS: Final = frozenset(
    {"type", "id", "url", "image_url", "audio_url", "video_url", "data", "file_data", "file_id", "format"}
    | {"detail", "media_type", "mime_type", "cache_control"}
)
"""Keys of a part of a message whose strings are places, payloads or settings."""
ARGUMENTS: Final = "arguments"
"""Field of a tool call that holds JSON."""
CONTENT: Final = "content"
ABOUT_THE_REQUEST: Final = ("user", "safety_identifier", "prompt_cache_key", "metadata", "web_search_options")
"""Keys of a request that say who asks and why: text of the application, which also leaves the house."""


_WHOLE: Final = re.compile(r"-?[1-9][0-9]{0,39}")


@dataclass(frozen=True)
class Slot:
    """One place that holds text.

    Attributes:
        role: who wrote it: ``system``, ``user``, ``tool`` or ``assistant``.
        text: what it holds.
        put: replaces it.
        field: the field of a message that is this text and nothing else; empty for a part of one.
        turn: number of the message whose content it is, or a part of it; -1 for anything else.
    """

    role: str
    text: str
    put: Callable[[str], None]
    field: str = ""
    turn: int = -1


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
        role = ROLES.get(str(message.get("role")), "assistant")
        slots.extend(message_slots(message, role, turn))
    for key in ("tools", "functions", "response_format"):
        slots.extend(_leaves(body.get(key), "system", keys=frozenset({"description"})))
    for key in ABOUT_THE_REQUEST:
        slots.extend(
            [_slot(body, key, "system")]
            if isinstance(body.get(key), str)
            else _leaves(body.get(key), "system")
        )
    if isinstance(body.get("prediction"), dict):
        slots.extend(message_slots(body["prediction"], "assistant"))
    return slots


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


def extra_slots(body: dict[str, Any], known: frozenset[str]) -> Iterator[Slot]:
    """Every text of an answer under keys that are not ``known``: what vendors add, e.g. citations."""
    for key, value in body.items():
        if key not in known:
            yield from (
                [_slot(body, key, "assistant")] if isinstance(value, str) else _leaves(value, "assistant")
            )


def message_slots(message: dict[str, Any], role: str, turn: int = -1) -> Iterator[Slot]:
    """Every text of one message: content, parts, refusals, reasoning, tool-call arguments.

    Args:
        message: of a request or an answer.
        role: who wrote it.
        turn: its number in the conversation.
    """
    for key, value in message.items():
        if key in NOT_TEXT:
            continue
        if isinstance(value, str):
            yield replace(_slot(message, key, role, field=key), turn=turn if key == CONTENT else -1)
        elif key == CONTENT and isinstance(value, list):
            yield from (replace(slot, turn=turn) for slot in _parts(value, role))
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
        yield _slot(holder, "arguments", role, field=ARGUMENTS)
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
    for number, part in enumerate(parts):
        if isinstance(part, str):
            yield _slot(parts, number, role)
        else:
            yield from _leaves(part, role, skip=NOT_TEXT_IN_PARTS)


def _arguments(call: Any, role: str) -> Iterator[Slot]:
    if isinstance(call, dict):
        function = call.get("function") or call.get("custom") or call
        if isinstance(function, dict):
            yield from argument_slots(function, role)
            if isinstance(function.get("input"), str):
                yield _slot(function, "input", role)


def _leaves(
    value: Any,
    role: str,
    *,
    keys: frozenset[str] | None = None,
    skip: frozenset[str] = frozenset(),
    numbers: bool = False,
) -> Iterator[Slot]:
    """Every string in a value: under any key, or only under ``keys``; never under those to ``skip``."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(pairs):
        if key in skip:
            continue
        if isinstance(item, str):
            if keys is None or key in keys:
                yield _slot(value, key, role)
        elif numbers and isinstance(item, int) and not isinstance(item, bool) and abs(item) >= 10**8:
            yield _number_slot(value, key, role)
        else:
            yield from _leaves(item, role, keys=keys, skip=skip, numbers=numbers)


def _slot(holder: Any, key: Any, role: str, field: str = "") -> Slot:
    def put(text: str) -> None:
        holder[key] = text

    return Slot(role, str(holder[key]), put, field)


def _number_slot(holder: Any, key: Any, role: str) -> Slot:
    """A number stays one where what replaces it can be written as one."""

    def put(text: str) -> None:
        holder[key] = int(text) if _WHOLE.fullmatch(text) else text

    return Slot(role, str(holder[key]), put)


def malformed(why: str) -> InputError:
    """The error for a request that is not a chat request."""
    return InputError(
        "guard.request-malformed",
        "The request is not a chat-completions request.",
        why=why,
        remedy="Send JSON as the OpenAI API reference describes it.",
    )

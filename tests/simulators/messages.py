"""A model server that speaks Anthropic's Messages API and says what it is told to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.upstream import ScriptedUpstream

FRAME = {"id": "msg_01", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}
USAGE = {"input_tokens": 3, "output_tokens": 1, "service_tier": "standard"}
_DELTAS = {"text": ("text_delta", "text"), "thinking": ("thinking_delta", "thinking")}


def in_events(
    block: dict[str, Any], pieces: Iterable[str] | None = None, index: int = 0
) -> Iterator[dict[str, Any]]:
    """The events in which a block streams.

    Args:
        block: the block, complete.
        pieces: of its text, or of the JSON of its input; default is all in one.
        index: its number.
    """
    kind, member = _DELTAS.get(block["type"], ("input_json_delta", "partial_json"))
    whole = block[member] if member in block else json.dumps(block["input"]) if "input" in block else ""
    empty = {name: "" if name in (member, "signature") else value for name, value in block.items()}
    yield {
        "type": "content_block_start",
        "index": index,
        "content_block": empty | ({"input": {}} if "input" in block else {}),
    }
    for piece in pieces if pieces is not None else [whole] if whole else []:
        yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, member: piece}}
    if block.get("signature"):
        signed = {"type": "signature_delta", "signature": block["signature"]}
        yield {"type": "content_block_delta", "index": index, "delta": signed}
    yield {"type": "content_block_stop", "index": index}


def message_of(blocks: Iterable[dict[str, Any]], reason: str | None = "end_turn") -> dict[str, Any]:
    """A whole message."""
    return {**FRAME, "content": [*blocks], "stop_reason": reason, "usage": dict(USAGE)}


def begin() -> dict[str, Any]:
    """The event that begins a stream."""
    return {"type": "message_start", "message": message_of([], None)}


def end(reason: str = "end_turn") -> list[dict[str, Any]]:
    """The events that end one."""
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]


@dataclass
class ScriptedMessages(ScriptedUpstream):
    """An ASGI application.

    Attributes:
        blocks: of its answer; default is a text, ``content``, streamed in ``pieces``.
        reason: why it stops.
    """

    blocks: list[dict[str, Any]] = field(default_factory=list)
    reason: str = "end_turn"

    def _whole(self) -> dict[str, Any]:
        if self.path.endswith("/count_tokens"):
            return {"input_tokens": 42}
        return message_of(self.blocks or [{"type": "text", "text": self.content}], self.reason)

    def _events(self) -> Iterable[bytes]:
        for event in self._said():
            yield f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()

    def _said(self) -> Iterator[dict[str, Any]]:
        yield begin()
        yield {"type": "ping"}
        if not self.blocks:
            yield from in_events({"type": "text", "text": self.content}, self.pieces)
        for index, block in enumerate(self.blocks):
            yield from in_events(block, index=index)
        if not self.hang_up:
            yield from end(self.reason)

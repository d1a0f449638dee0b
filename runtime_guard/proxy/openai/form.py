"""Chat completions (OpenAI API reference, "Chat"), described for the proxy."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from govkernel.errors import GovkernelError
from runtime_guard.proxy import sse
from runtime_guard.proxy.exchange import Conversation
from runtime_guard.proxy.forms import BY_POLICY, WireForm, message
from runtime_guard.proxy.openai.answers import screen_completion
from runtime_guard.proxy.openai.chunks import ChunkScreen
from runtime_guard.proxy.openai.words import OPENAI, WORDS


def error_body(error: GovkernelError, status: int) -> dict[str, Any]:
    """``{"error": {…}}`` with our stable code, and why and remedy in the message."""
    kind = "policy_violation" if error.code in BY_POLICY else "invalid_request_error"
    if status >= 500:
        kind = "server_error"
    return {"error": {"message": message(error), "type": kind, "param": None, "code": error.code}}


def _authorization(headers: Mapping[str, str]) -> str:
    return headers.get("authorization", "")


def _beginning(body: dict[str, Any]) -> str:
    """Who asks, and the first message of the user; not the system prompt, which may hold the time or documents."""
    messages = [item for item in body.get("messages", ()) if isinstance(item, dict)]
    said = next((item.get("content") for item in messages if item.get("role") == "user"), None)
    return json.dumps([body.get("user"), body.get("safety_identifier"), said], sort_keys=True)


def _in_json(body: dict[str, Any]) -> bool:
    wanted = body.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def _stream(conversation: Conversation, events: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    return ChunkScreen(conversation).screen(events)


CHAT: Final = WireForm(
    name="chat",
    path="/v1/chat/completions",
    api=OPENAI,
    words=WORDS,
    headers=(
        "authorization",
        "openai-organization",
        "openai-project",
        "x-request-id",
        "user-agent",
        "accept",
    ),
    credentials=frozenset({"authorization"}),
    authorization=_authorization,
    beginning=_beginning,
    in_json=_in_json,
    screen=screen_completion,
    stream=_stream,
    encode=sse.encode,
    end=sse.DONE,
    error=error_body,
)

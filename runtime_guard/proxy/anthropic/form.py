"""Messages (Anthropic API reference, "Messages"), described for the proxy."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, Final

from govkernel.errors import GovkernelError
from runtime_guard.proxy import sse
from runtime_guard.proxy.anthropic.answers import screen_count, screen_message
from runtime_guard.proxy.anthropic.events import EventScreen
from runtime_guard.proxy.anthropic.thinking import watch
from runtime_guard.proxy.anthropic.words import ANTHROPIC, WORDS
from runtime_guard.proxy.exchange import Conversation
from runtime_guard.proxy.forms import WireForm, message
from runtime_guard.proxy.wire import CONTENT, TYPE

VERSION: Final = "anthropic-version"
"""Header that every client of this API sends."""

_KINDS: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(error: GovkernelError, status: int) -> dict[str, Any]:
    """``{"type": "error", "error": {…}}`` with our stable code where the API has its own, in ``details``."""
    kind = _KINDS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    details = {"error_code": error.code}
    return {TYPE: "error", "error": {TYPE: kind, "message": message(error), "details": details}}


def _authorization(headers: Mapping[str, str]) -> str:
    key = headers.get("x-api-key", "")
    return f"Bearer {key}" if key else headers.get("authorization", "")


def _beginning(body: dict[str, Any]) -> str:
    """Who asks, and the first message of the user, without marks of what is cached, which move on turn by turn."""
    messages = [item for item in body.get("messages", ()) if isinstance(item, dict)]
    said = next((item.get(CONTENT) for item in messages if item.get("role") == "user"), None)
    return json.dumps([body.get("metadata"), _without_marks(said)], sort_keys=True)


def _without_marks(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_marks(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_marks(item) for key, item in value.items() if key != "cache_control"}
    return value


def _in_json(body: dict[str, Any]) -> bool:
    config = body.get("output_config")
    wanted = body.get("output_format") or (config.get("format") if isinstance(config, dict) else None)
    return isinstance(wanted, dict) and wanted.get(TYPE) == "json_schema"


def _stream(conversation: Conversation, events: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    return EventScreen(conversation).screen(events)


def _encode(event: dict[str, Any]) -> bytes:
    return sse.encode(event, str(event[TYPE]))


MESSAGES: Final = WireForm(
    name="messages",
    path="/v1/messages",
    api=ANTHROPIC,
    words=WORDS,
    headers=("x-api-key", "authorization", VERSION, "anthropic-beta", "x-request-id", "user-agent", "accept"),
    credentials=frozenset({"x-api-key", "authorization"}),
    authorization=_authorization,
    beginning=_beginning,
    in_json=_in_json,
    screen=screen_message,
    stream=_stream,
    encode=_encode,
    end=b"",
    error=error_body,
    watch=watch,
    queries=frozenset({"beta=true"}),
)

COUNT: Final = replace(
    MESSAGES, name="count_tokens", path=f"{MESSAGES.path}/count_tokens", screen=screen_count
)
"""How many tokens a request has: screened like the request itself, so that what is counted is what would be sent."""

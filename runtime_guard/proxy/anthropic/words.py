"""Words of messages (Anthropic API reference, "Messages", versions 2023-06-01 to 2026-10-21)."""

from __future__ import annotations

from typing import Final

from runtime_guard.proxy.forms import Api
from runtime_guard.proxy.wire import Words

ANTHROPIC: Final = Api("Anthropic", "a Messages request", "a message")

TEXT: Final = "text"
THINKING: Final = "thinking"
SIGNATURE: Final = "signature"
INPUT: Final = "input"

CALLS: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
"""Types of blocks that call a tool."""

_BY_TOOLS: Final = ("_result", "document")
"""How types of blocks end that say what was fetched or computed, whoever sends them on: ``web_search_tool_result``."""

_SET_UP: Final = (
    *("system", "tools", "tool_choice", "metadata", "mcp_servers", "thinking", "container"),
    *("output_config", "output_format", "context_management"),
)
"""Fields by which an application sets up its request."""

_NAMES: Final = (
    "additionalProperties allowed_callers allowed_domains anyOf blocked_domains budget_tokens cache_control "
    "caller citation citations cited_text code code_execution const container content context "
    "context_management country created_at data default defer_loading delta description details "
    "disable_parallel_tool_use display document_index document_title edits effort enabled encrypted_content "
    "encrypted_index end_block_index end_char_index end_page_number enum error error_code examples expires_at "
    "file_id format id index inference_geo input input_examples input_schema is_error items max_content_tokens "
    "max_tokens max_uses mcp_server_name mcp_servers media_type message messages metadata model name "
    "output_config output_format page_age partial_json properties region required return_code role schema "
    "search_result_index server_name service_tier signature source speed start_block_index start_char_index "
    "start_page_number stderr stdout stop_details stop_reason stop_sequence stop_sequences stream strict system "
    "temperature text thinking timezone title tool_choice tool_name tool_reference tool_references tool_use_id "
    "tools top_k top_p ttl type url usage user_id user_location"
)

WORDS: Final = Words(
    roles={"user": "user", "assistant": "assistant", "system": "system"},
    fields=dict.fromkeys(_SET_UP, "system"),
    data=frozenset({"metadata"}),
    names=frozenset(_NAMES.split()),
    enumerations=frozenset(
        {"role", "type", "stop_reason", "service_tier", "effort", "speed", "display", "error_code"}
        | {"inference_geo", "allowed_callers"}
    ),
    identifiers=frozenset({"id", "tool_use_id", "file_id", "model", "media_type", "tool_name"}),
    named=CALLS | {"tools", "tool_choice"},
    media=frozenset({"image", "document"}),
    payloads=frozenset({"url", "data"}),
    arguments=INPUT,
    said=TEXT,
    values=frozenset({INPUT, "input_examples"}),
    kinds=CALLS | {"redacted_thinking"},
    speakers=dict.fromkeys(_BY_TOOLS, "tool"),
    passing=frozenset({THINKING}),
    sealed=frozenset({SIGNATURE, "encrypted_content", "encrypted_index", "redacted_thinking.data"}),
    durations=frozenset({"ttl"}),
    media_type="media_type",
)

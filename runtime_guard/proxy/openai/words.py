"""Words of chat completions (OpenAI API reference, "Chat")."""

from __future__ import annotations

from typing import Final

from runtime_guard.proxy.forms import Api
from runtime_guard.proxy.wire import Words

OPENAI: Final = Api("OpenAI", "a chat-completions request", "a chat completion")

_NAMES: Final = (
    "additionalProperties annotations arguments audio cache_control choices citations const content created "
    "custom data default delta description detail documents end_index enum examples expires_at file file_data "
    "file_id filename finish_reason format frequency_penalty function function_call functions id image_url "
    "include_usage index input input_audio items json_schema logit_bias logprobs max_completion_tokens "
    "max_tokens message messages metadata modalities model n name object parallel_tool_calls parameters "
    "prediction presence_penalty prompt_cache_key properties reasoning reasoning_content reasoning_details "
    "reasoning_effort refusal required response_format role safety_identifier schema seed service_tier "
    "signature start_index stop stop_reason store stream stream_options strict system_fingerprint "
    "temperature text thinking title tool_call_id tool_calls tool_choice tools top_logprobs top_p transcript "
    "type url url_citation usage user web_search_options"
)

WORDS: Final = Words(
    roles={
        "developer": "system",
        "system": "system",
        "user": "user",
        "assistant": "assistant",
        "tool": "tool",
        "function": "tool",
        "ipython": "tool",
    },
    fields={
        **dict.fromkeys(
            ("tools", "functions", "response_format", "tool_choice", "function_call", "chat_template"),
            "system",
        ),
        **dict.fromkeys(
            ("user", "safety_identifier", "prompt_cache_key", "metadata", "web_search_options"), "system"
        ),
        "prediction": "assistant",
    },
    data=frozenset({"user", "safety_identifier", "prompt_cache_key", "metadata", "documents", "extra_body"}),
    names=frozenset(_NAMES.split()),
    enumerations=frozenset(
        {"role", "type", "object", "status", "detail", "finish_reason", "modalities", "tool_choice"}
        | {"reasoning_effort", "service_tier", "verbosity", "truncation", "function_call"}
    ),
    identifiers=frozenset(
        {"id", "tool_call_id", "call_id", "file_id", "model", "system_fingerprint", "format", "media_type"}
        | {"mime_type"}
    ),
    named=frozenset({"function", "custom", "function_call", "functions", "json_schema"}),
    media=frozenset(
        {"image", "image_url", "image_file", "input_image", "audio", "audio_url", "input_audio"}
        | {"output_audio", "video", "video_url", "input_video", "file", "input_file", "document", "media"}
    ),
    payloads=frozenset({"url", "image_url", "audio_url", "video_url", "data", "file_data"}),
    arguments="arguments",
)

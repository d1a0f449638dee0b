"""Words of the chat-completions wire format (OpenAI API reference, "Chat"), and what in it is no text by its shape.

Nothing is passed over for its place alone: an identifier that does not look like one is text like any other.
"""

from __future__ import annotations

import re
from typing import Any, Final

ARGUMENTS: Final = "arguments"
"""Field of a tool call that holds JSON."""
CONTENT: Final = "content"
TYPE: Final = "type"

ROLES: Final = {
    "developer": "system",
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
    "ipython": "tool",
}
"""Who is taken to have written a message; any other role counts as ``tool``, which may not give orders."""

FIELDS: Final = {
    **dict.fromkeys(
        ("tools", "functions", "response_format", "tool_choice", "function_call", "chat_template"), "system"
    ),
    **dict.fromkeys(
        ("user", "safety_identifier", "prompt_cache_key", "metadata", "web_search_options"), "system"
    ),
    "prediction": "assistant",
}
"""Who is taken to have written a field of a request beside its messages; any other counts as ``tool``."""

DATA: Final = frozenset(
    {"user", "safety_identifier", "prompt_cache_key", "metadata", "documents", "extra_body"}
)
"""Fields of a request in which names of the wire format mean nothing: an ``id`` is whatever somebody put there."""

_ENUMERATIONS: Final = frozenset(
    {"role", "type", "object", "status", "detail", "finish_reason", "modalities", "tool_choice"}
    | {"reasoning_effort", "service_tier", "verbosity", "truncation", "function_call"}
)
_IDENTIFIERS: Final = frozenset(
    {"id", "tool_call_id", "call_id", "file_id", "model", "system_fingerprint", "format", "media_type"}
    | {"mime_type"}
)
_NAMED: Final = frozenset({"function", "custom", "function_call", "functions", "json_schema"})
"""What is called by an identifier, in ``name``."""
_DIALECT: Final = re.compile(r"https?://json-schema\.org/[a-z0-9/.-]{1,64}#?")
"""What ``$schema`` of a JSON Schema names."""
_WORD: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_IDENTIFIER: Final = re.compile(r"(?=[0-9_./:-]{0,127}[A-Za-z])(?!.{0,127}//)[A-Za-z0-9_./:-]{1,128}")

_MEDIA: Final = frozenset(
    {"image", "image_url", "image_file", "input_image", "audio", "audio_url", "input_audio", "output_audio"}
    | {"video", "video_url", "input_video", "file", "input_file", "document", "media"}
)
_PAYLOADS: Final = frozenset({"url", "image_url", "audio_url", "video_url", "data", "file_data"})
_PAYLOAD: Final = re.compile(
    r"(?:data:(?!text/)[^,\s]{0,128},)?[A-Za-z0-9+/=_-]*|(?!data:)[a-z][a-z0-9+.-]{0,15}://\S+"
)

_TIME: Final = 10**11
_TIMES: Final = frozenset({"created", "created_at", "expires_at"})
_LIMITS: Final = frozenset({"seed", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})

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
NAMES: Final = frozenset(_NAMES.split())
"""Names of members that are not looked at."""
_SMALL: Final = re.compile(r"[0-9]{1,7}")


def role_of(message: dict[str, Any]) -> str:
    """Who is taken to have written a message of a request: a key of :data:`ROLES`, in any case, or ``tool``."""
    return ROLES.get(str(message.get("role")).strip().casefold(), "tool")


def is_word(text: Any) -> bool:
    """Whether a value has the shape of an enumeration's."""
    return isinstance(text, str) and _WORD.fullmatch(text) is not None


def is_no_text(text: str, name: str, parent: str, *, media: bool) -> bool:
    """Whether a string has the shape that its name promises: an enumeration's, an identifier's or a payload's.

    Args:
        text: the string.
        name: of the member that holds it.
        parent: name of the member that holds that one.
        media: it is in a part that holds media.
    """
    if name in _ENUMERATIONS:
        return is_word(text)
    if name in _IDENTIFIERS or (name == "name" and parent in _NAMED):
        return _IDENTIFIER.fullmatch(text) is not None
    if name == "$schema":
        return _DIALECT.fullmatch(text) is not None
    return media and name in _PAYLOADS and _PAYLOAD.fullmatch(text) is not None


def is_media(part: dict[str, Any], parent: str, *, within: bool) -> bool:
    """Whether a part holds media: it says so, or says nothing and stands where media do.

    Args:
        part: the object.
        parent: name of the member that holds it.
        within: it is in such a part.
    """
    kind = part.get(TYPE)
    if not isinstance(kind, str):
        return within or parent in _MEDIA
    return kind in _MEDIA or (within and kind != "text")


def is_setting(number: float, name: str) -> bool:
    """Whether a long number is a time or a limit, by the name of its member."""
    return name in _LIMITS or (name in _TIMES and abs(number) < _TIME)


def is_known(name: str) -> bool:
    """Whether a name of a member holds nothing: a word of the wire format, or the number of a token."""
    return name in NAMES or _SMALL.fullmatch(name) is not None

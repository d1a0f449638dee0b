"""What a model server tells about an exchange beside its answer: how often to ask, and what it calls a fault.

Clients act on these: SDKs wait as long as ``retry-after`` says, and applications look for ``context_length_exceeded``.
Only what has the shape that its name promises is passed on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from runtime_guard.proxy.wire import is_identifier, is_word

_NUMBER: Final = r"[0-9]{1,12}(?:\.[0-9]{1,6})?"
_DURATION: Final = rf"(?:{_NUMBER}(?:ms|us|[hms])){{1,4}}"
_TIME: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,16}(?:Z|[+-][0-9]{2}:[0-9]{2})"
_DATE: Final = r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
_WHEN: Final = re.compile(rf"{_NUMBER}|{_DURATION}|{_TIME}|{_DATE}|true|false")
_WAITS: Final = re.compile(
    r"retry-after|retry-after-ms|x-should-retry|(?:x|anthropic)-ratelimit-[a-z-]{1,40}"
)
_IDS: Final = frozenset({"request-id", "x-request-id"})
_NAMED_BY: Final = ("type", "code", "status")
"""Members by which servers name a fault in one word."""


def told(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a model server's response that are passed on, by lower-case name."""
    return {
        name.lower(): value
        for name, value in headers.items()
        if (_WAITS.fullmatch(name.lower()) and _WHEN.fullmatch(value))
        or (name.lower() in _IDS and is_identifier(value))
    }


def names_of_fault(body: Any) -> str:
    """The words by which a model server names a fault, with a comma and a space between; empty if there is none.

    Args:
        body: what it answered, or an event of a stream.
    """
    fault = body.get("error") if isinstance(body, dict) else None
    holder = fault if isinstance(fault, dict) else {}
    return ", ".join(dict.fromkeys(holder[key] for key in _NAMED_BY if is_word(holder.get(key))))

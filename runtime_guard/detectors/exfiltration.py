"""Addresses that a page loads by itself and that carry data: who shows the text sends the data away, without a click.

Looked for are images in Markdown and HTML, frames, styles and the definitions of reference links, whose address holds
a readable text in base64 or hexadecimal, a place for a value, a sentence, or a parameter named for what it takes. How
it is done: Rehberger, "Bing Chat: data exfiltration exploit explained" (2023); CVE-2025-32711.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import unquote_plus

from govkernel.domain import Finding
from runtime_guard.expressions.alphabet import encoded
from runtime_guard.expressions.pending import Pending
from runtime_guard.expressions.prefix import beginnings
from runtime_guard.expressions.sieve import SHARED
from runtime_guard.views.encodings import decode_base64, decode_hex

NAME: Final = "exfiltration"
LABEL: Final = "EXFILTRATION"
SCORE: Final = 0.9

MAX_ADDRESS: Final = 2048
"""Characters of an address that are looked at."""

_ADDRESS: Final = rf"((?:https?:)?//[^\s\"'<>()]{{3,{MAX_ADDRESS}}})"
_LOADED: Final = re.compile(
    rf"!\[[^\]\n]{{0,200}}\]\([ ]{{0,4}}<?{_ADDRESS}"
    rf"|<(?:img|image|iframe|embed|object|source|video|audio|script|link|input)\b[^<>]{{0,400}}?"
    rf"\b(?:src|srcset|href|data|poster)[ ]{{0,4}}=[ ]{{0,4}}[\"']?{_ADDRESS}"
    rf"|\burl\([ ]{{0,4}}[\"']?{_ADDRESS}",
    re.IGNORECASE,
)
_DEFINED: Final = re.compile(rf"\[[^\]\n]{{1,100}}\]:[ ]{{0,4}}<?{_ADDRESS}", re.IGNORECASE)

_TELLING: Final = re.compile(
    r"data|secrets?|leak\w*|exfil\w*|stolen|passw(?:or)?d|pwd|api_?key|conversation|chat(?:_?history)?|history|prompt"
    r"|pii|ssn|e?mail|cookies?|user_?(?:data|info|name)|credentials?|context|payload",
    re.IGNORECASE,
)
_PLACE: Final = re.compile(r"[\[{<$%]{1,3}[\w .:-]{2,60}[\]}>%]{1,3}")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_SENTENCE: Final = 6
"""Words that are more than a place or a title."""

_ROLES: Final = frozenset({"user", "tool", "assistant"})


class ExfiltrationDetector:
    """Addresses that carry data away; the application's own text may load what it likes."""

    name = NAME
    labels = frozenset({LABEL})
    roles = _ROLES

    def __init__(self) -> None:
        self._pending = Pending(
            item
            for pattern in (_LOADED, _DEFINED)
            for item in beginnings(pattern.pattern, pattern.flags & SHARED)
        )

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        """Findings in ``text``: from where the image begins to the end of its address."""
        if "//" not in text:
            return []
        return [
            Finding(label=LABEL, start=start, end=end, score=SCORE, detector=NAME)
            for start, end in sorted((*_spans(_LOADED, text), *_spans(_DEFINED, text)))
        ]

    def pending(self, text: str, role: str) -> int:
        """See :class:`govkernel.hookspecs.Foreseeing`."""
        return self._pending.start(encoded(text)[:-1])


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    for match in pattern.finditer(text):
        if carries_data(match[match.lastindex or 0], sentences=pattern is _LOADED):
            yield match.span()


def carries_data(address: str, *, sentences: bool = True) -> bool:
    """Whether an address is made to take data along.

    Args:
        address: from its scheme or its slashes on.
        sentences: several words are data; a link that is clicked may search for them.
    """
    place, _, query = address.partition("#")[0].partition("?")
    if any(_holds_text(part) or _PLACE.fullmatch(part) for part in re.split(r"[/.]", place)):
        return True
    for pair in re.split("[&;]", query):
        name, _, value = pair.partition("=")
        value = unquote_plus(value or name)
        if (
            (len(value) >= 4 and value != name and _TELLING.fullmatch(name))
            or _PLACE.fullmatch(value)
            or _holds_text(value)
            or (sentences and len(_WORD.findall(value)) >= _SENTENCE and " " in value)
        ):
            return True
    return False


def _holds_text(part: str) -> bool:
    """Whether a part of an address holds readable text, encoded, that is no address itself."""
    shown = [piece.shown for decode in (decode_base64, decode_hex) for piece in decode(part)]
    return any(not item.lstrip().startswith(("http", "/")) for item in shown)

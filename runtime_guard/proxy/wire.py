"""Words of a provider's wire format, and what in it is no text by its shape.

Nothing is passed over for its place alone: an identifier that does not look like one is text like any other. The words
themselves stand with the provider, e.g. in :mod:`runtime_guard.proxy.openai.words`.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

CONTENT: Final = "content"
TYPE: Final = "type"
_DATA: Final = "data"

_DIALECT: Final = re.compile(r"https?://json-schema\.org/[a-z0-9/.-]{1,64}#?")
"""What ``$schema`` of a JSON Schema names."""
_WORD: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_IDENTIFIER: Final = re.compile(r"(?=[0-9_./:-]{0,127}[A-Za-z])(?!.{0,127}//)[A-Za-z0-9_./:-]{1,128}")
_A_TEXT: Final = (
    r"(?i:text/|[a-z]{1,32}/(?:[a-z0-9.-]{1,64}\+)?(?:x-)?(?:json|jsonl|ndjson|rtf|xml|yaml)(?![a-z0-9.+-]))"
)
"""Media types (RFC 6838) whose bytes are characters: ``text/csv``, ``application/json``, ``image/svg+xml``."""
_MEDIA_TYPE_OF_TEXT: Final = re.compile(_A_TEXT)
_PAYLOAD: Final = re.compile(
    rf"(?:data:(?![;,]|{_A_TEXT})[^,\s]{{0,128}},)?[A-Za-z0-9+/=_-]*|(?!data:)[a-z][a-z0-9+.-]{{0,15}}://\S+"
)
_DURATION: Final = re.compile(r"[0-9]{1,4}[smhd]")
_SEALED: Final = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2}){16,}")
_UUID: Final = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
"""What servers write in clear before what they encrypted (RFC 9562, section 4)."""
_DIGITS: Final = 0.85
"""Share of digits from which on hexadecimal is a number; 0.62 of those of random bytes are."""
_PRINTABLE: Final = bytes(range(32, 127)) + b"\t\n\r"
_SMALL_LETTERS: Final = string.ascii_lowercase.encode()
_READABLE: Final = 0.6
"""Share of readable bytes from which on something is a text; 0.38 of random bytes are."""
_WRITTEN: Final = 0.8
"""Share of bytes that are UTF-8 from which on something is a text in any script; 0.57 of random bytes are."""
_ONE_CASE: Final = 0.75
"""Share of letters in one case from which on base64 is words; half of those of random bytes are in either."""
_TIME: Final = 10**11
_TIMES: Final = frozenset({"created", "created_at", "expires_at"})
_LIMITS: Final = frozenset({"seed", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_SMALL: Final = re.compile(r"[0-9]{1,7}")


@dataclass(frozen=True)
class Words:
    """What the names and types of one wire format mean.

    Attributes:
        roles: who is taken to have written a message, by its role in lower case.
        fields: who is taken to have written a field of a request beside its messages; any other counts as ``tool``.
        data: fields of a request in which names mean nothing: an ``id`` is whatever somebody put there.
        names: names of members that are not looked at.
        enumerations: members that hold a word.
        identifiers: members that hold an identifier.
        named: members and parts that are called by an identifier, in ``name``.
        media: types of parts that hold media, and members that do.
        payloads: members of such parts that hold an address or base64.
        arguments: member that holds JSON as text.
        said: member of an answer that is its text.
        values: members whose values are somebody's data, wherever they stand: names mean nothing in them.
        kinds: types of parts whose members mean what they mean by it, as if they stood in a member of that name.
        speakers: how types of parts end that somebody else than their message's author wrote, and who is taken to have.
        passing: types of parts that may be left out of a request, so that what stands around them meets.
        sealed: members that hold base64 nobody but the server reads, also as ``kind.member``.
        durations: members that hold a number and a unit of time.
        media_type: member by which a part of media says what its data are, which may be a text.
    """

    roles: Mapping[str, str]
    fields: Mapping[str, str]
    data: frozenset[str]
    names: frozenset[str]
    enumerations: frozenset[str]
    identifiers: frozenset[str]
    named: frozenset[str]
    media: frozenset[str]
    payloads: frozenset[str]
    arguments: str
    said: str = CONTENT
    values: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    speakers: Mapping[str, str] = field(default_factory=dict)
    passing: frozenset[str] = frozenset()
    sealed: frozenset[str] = frozenset()
    durations: frozenset[str] = frozenset()
    media_type: str | None = None

    def role_of(self, message: dict[str, Any]) -> str:
        """Who is taken to have written a message of a request; ``tool``, which may not give orders, if in doubt."""
        return self.roles.get(str(message.get("role")).strip().casefold(), "tool")

    def speaker_of(self, kind: str) -> str | None:
        """Who is taken to have written a part of this type; None for whoever wrote its message."""
        return next((speaker for end, speaker in self.speakers.items() if kind.endswith(end)), None)

    def is_no_text(self, text: str, name: str, parent: str, *, media: bool) -> bool:
        """Whether a string has the shape that its name promises: an enumeration's, an identifier's or a payload's.

        Args:
            text: the string.
            name: of the member that holds it.
            parent: name of the member that holds that one, or the kind of the part.
            media: it is in a part that holds media.
        """
        if name in self.enumerations:
            return is_word(text)
        if name in self.identifiers or (name == "name" and parent in self.named):
            return is_identifier(text)
        if name == "$schema":
            return _DIALECT.fullmatch(text) is not None
        if name in self.durations:
            return _DURATION.fullmatch(text) is not None
        if not self.sealed.isdisjoint((name, f"{parent}.{name}")):
            return is_sealed(text)
        return media and name in self.payloads and _PAYLOAD.fullmatch(text) is not None

    def is_media(self, part: dict[str, Any], parent: str, *, within: bool) -> bool:
        """Whether a part holds media: it says so, or says nothing and stands where media do.

        Args:
            part: the object.
            parent: name of the member that holds it.
            within: it is in such a part.
        """
        kind = part.get(TYPE)
        if self._is_of_text(part):
            return False
        if not isinstance(kind, str):
            return within or parent in self.media
        return kind in self.media or (within and kind != "text")

    def _is_of_text(self, part: dict[str, Any]) -> bool:
        """Whether a part says that its data are a text, or does not say what they are although it should."""
        if self.media_type is None or _DATA not in part:
            return False
        said = part.get(self.media_type)
        return not isinstance(said, str) or _MEDIA_TYPE_OF_TEXT.match(said.strip()) is not None

    def is_known(self, name: str) -> bool:
        """Whether a name of a member holds nothing: a word of the wire format, or the number of a token."""
        return name in self.names or _SMALL.fullmatch(name) is not None


def is_word(text: Any) -> bool:
    """Whether a value has the shape of an enumeration's."""
    return isinstance(text, str) and _WORD.fullmatch(text) is not None


def is_identifier(text: str) -> bool:
    """Whether a text has the shape of an identifier."""
    return _IDENTIFIER.fullmatch(text) is not None


def is_sealed(text: str) -> bool:
    """Whether a text is base64 or hexadecimal of bytes that hold no text: a signature, or something encrypted."""
    held = _held(text)
    if held is None:
        return False
    held = _UUID.sub(b"", held)
    written = len(held.decode("utf-8", "ignore").encode())
    return _count(held, _PRINTABLE) < _READABLE * len(held) and written < _WRITTEN * len(held)


def _held(text: str) -> bytes | None:
    """What hexadecimal or base64 stands for; None for what is neither, or words or a number itself."""
    if _HEX.fullmatch(text) is not None:
        return (
            bytes.fromhex(text)
            if _count(text.encode(), string.digits.encode()) < _DIGITS * len(text)
            else None
        )
    if _SEALED.fullmatch(text) is None or _is_words(text.encode()):
        return None
    letters = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4))
    except binascii.Error:
        return None


def _is_words(text: bytes) -> bool:
    """Whether the letters of base64 say something themselves: few are in the other case."""
    small, large = _count(text, _SMALL_LETTERS), _count(text, _SMALL_LETTERS.upper())
    return max(small, large) >= _ONE_CASE * (small + large)


def _count(held: bytes, of: bytes) -> int:
    return len(held) - len(held.translate(None, of))


def is_setting(number: float, name: str) -> bool:
    """Whether a long number is a time or a limit, by the name of its member."""
    return name in _LIMITS or (name in _TIMES and abs(number) < _TIME)

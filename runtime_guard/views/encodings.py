"""Encodings that a model reads as easily as plain text: escapes, base64, hexadecimal, rot13, letters as digits.

Each function finds candidates and shows what they decode to; what does not decode to readable text is left alone.
Candidates are bounded, so the work is linear in the length of the text.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from runtime_guard.views.view import Piece

MAX_CANDIDATE: Final = 4096
"""Characters of one encoded piece."""

HTML: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}){1,1024}")
ESCAPES: Final = re.compile(r"(?:\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})){1,512}")
_INLINE: Final = "a|b|bdo|code|em|font|i|mark|s|small|span|strong|sub|sup|u|wbr"
MARKUP: Final = re.compile(
    rf"(?<=[\w.@-])(?:<!--[^<>]{{0,200}}-->|</?(?:{_INLINE})(?: [^<>]{{0,120}})?/?>){{1,8}}(?=[\w.@-])"
    r"|(?<=[^\W\d_])(?:\*\*|~~)(?=[^\W\d_])",
    re.IGNORECASE,
)
BASE64: Final = re.compile(rf"[A-Za-z0-9+/_-]{{16,{MAX_CANDIDATE}}}={{0,2}}")
HEX: Final = re.compile(r"\b(?:0x)?(?:[0-9A-Fa-f]{2}[ :]?){7,1024}[0-9A-Fa-f]{2}")
SPACED: Final = re.compile(r"\b(?:[^\W\d_][ .\-_*]){3,63}[^\W\d_]\b")
_LETTERS: Final = re.compile(r"[A-Za-z]+")
LEET_WORD: Final = re.compile(r"[A-Za-z0-9@$!|]{2,40}[A-Za-z0-9]")
_LEET: Final = str.maketrans("013457@$!|", "oieastasil")
_MIXED: Final = re.compile(r"[A-Za-z][0-9]|[A-Za-z][@$!|]+[A-Za-z0-9]|[0-9@$!|][A-Za-z]")
_ROT13_MARKS: Final = (
    "vtaber", "qvfertneq", "sbetrg", "cerivbhf", "vafgehpgvba", "flfgrz", "cebzcg", "erirny", "bireevqr", "olcnff",
    "cnffjbeq", "wnvyoernx",
)  # fmt: skip
"""ignore, disregard, forget, previous, instruction, system, prompt, reveal, override, bypass, password, jailbreak."""


def strip_markup(text: str) -> Iterator[Piece]:
    """Comments and tags inside words, which a person does not see: ``ig<b></b>nore``."""
    for match in MARKUP.finditer(text):
        yield Piece(*match.span(), "")


def unescape_html(text: str) -> Iterator[Piece]:
    """Character references (HTML 5)."""
    yield from _decoded(HTML, text, html.unescape)


def unescape_percent(text: str) -> Iterator[Piece]:
    """Percent-encoding (RFC 3986) of UTF-8."""
    if "%" in text:
        yield from _decoded(PERCENT, text, lambda found: _utf8(unquote_to_bytes(found)))


def unescape_backslashes(text: str) -> Iterator[Piece]:
    r"""``\uXXXX`` and ``\xXX``, as JSON and programs write characters."""
    if "\\" in text:
        yield from _decoded(ESCAPES, text, _backslashes)


def decode_base64(text: str) -> Iterator[Piece]:
    """Base64 in both alphabets (RFC 4648) that holds readable text."""
    yield from _decoded(BASE64, text, _base64)


def decode_hex(text: str) -> Iterator[Piece]:
    """Hexadecimal bytes, together or apart, that hold readable text."""
    yield from _decoded(HEX, text, _hex)


def turn_rot13(text: str) -> Iterator[Piece]:
    """All of a text in which words stand that are instructions when turned by 13 letters."""
    lowered = text.lower()
    if any(mark in lowered for mark in _ROT13_MARKS):
        for match in _LETTERS.finditer(text):
            yield Piece(*match.span(), codecs.encode(match.group(), "rot13"))


def join_letters(text: str) -> Iterator[Piece]:
    """Words with something between all letters: ``i g n o r e``."""
    for match in SPACED.finditer(text):
        yield Piece(*match.span(), re.sub(r"[ .\-_*]", "", match.group()))


def read_leet(text: str) -> Iterator[Piece]:
    """Words in which digits and signs stand for letters: ``1gn0r3``."""
    if not _MIXED.search(text):
        return
    for match in LEET_WORD.finditer(text):
        word = match.group()
        if not word.isalpha() and sum(map(str.isalpha, word)) * 2 >= len(word):
            shown = word.translate(_LEET)
            if shown.isalpha():
                yield Piece(*match.span(), shown)


def _decoded(pattern: re.Pattern[str], text: str, decode: Callable[[str], str | None]) -> Iterator[Piece]:
    for match in pattern.finditer(text):
        shown = decode(match.group())
        if shown and shown != match.group():
            yield Piece(*match.span(), shown)


def _backslashes(found: str) -> str | None:
    units = bytearray()
    for kind, digits in re.findall(r"\\([ux])([0-9A-Fa-f]+)", found):
        units += int(digits[:4] if kind == "u" else digits[:2], 16).to_bytes(2, "little")
    return units.decode("utf-16-le", "replace")


def _base64(found: str) -> str | None:
    body = found.rstrip("=").translate(str.maketrans("-_", "+/"))
    body = body[: len(body) - 1] if len(body) % 4 == 1 else body
    try:
        return _readable(base64.b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        return None


def _hex(found: str) -> str | None:
    try:
        return _readable(bytes.fromhex(found.removeprefix("0x").replace(":", "")))
    except ValueError:
        return None


def _readable(data: bytes) -> str | None:
    """UTF-8 text that a person could have written."""
    text = _utf8(data)
    if not text or not any(char.isalpha() for char in text):
        return None
    return text if all(char.isprintable() or char in "\n\r\t" for char in text) else None


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


CANDIDATES: Final = (
    (strip_markup, MARKUP),
    (unescape_html, HTML),
    (unescape_percent, PERCENT),
    (unescape_backslashes, ESCAPES),
    (decode_base64, BASE64),
    (decode_hex, HEX),
    (join_letters, SPACED),
    (read_leet, _MIXED),
    (turn_rot13, re.compile("|".join(_ROT13_MARKS), re.IGNORECASE)),
)
"""For each function what it finds in every ASCII text that it rewrites."""

"""Encodings that a model reads as easily as plain text: escapes, base64, base32, hexadecimal, rot13, leet.

Each function finds candidates and shows what they decode to; what does not decode to readable text is left alone.
Candidates are bounded, so the work is linear in the length of the text.
"""

from __future__ import annotations

import base64
import codecs
import html
import re
import sys
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from runtime_guard.halves import joined
from runtime_guard.views.view import Piece

MAX_CANDIDATE: Final = 4096
"""Characters of one encoded piece."""

HTML: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}){1,1024}")
ESCAPES: Final = re.compile(
    r"(?:\\(?:u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[0-3][0-7]{2})){1,512}"
)
_ESCAPE: Final = re.compile(r"\\(?:[uUx]\{?([0-9A-Fa-f]+)\}?|([0-7]{3}))")
_INLINE: Final = "a|b|bdo|code|em|font|i|mark|s|small|span|strong|sub|sup|u|wbr"
MARKUP: Final = re.compile(
    rf"(?<=[\w.@-])(?:<!--[^<>]{{0,200}}-->|</?(?:{_INLINE})(?: [^<>]{{0,120}})?/?>){{1,8}}(?=[\w.@-])"
    r"|(?<=[^\W\d_])(?:\*\*|~~)(?=[^\W\d_])",
    re.IGNORECASE,
)
BASE64: Final = re.compile(rf"[A-Za-z0-9+/_-]{{16,{MAX_CANDIDATE}}}={{0,2}}")
BASE32: Final = re.compile(rf"\b[A-Z2-7]{{20,{MAX_CANDIDATE}}}={{0,6}}")
HEX: Final = re.compile(r"\b(?:0x)?(?:[0-9A-Fa-f]{2}[ :]?){7,1024}[0-9A-Fa-f]{2}")
SPACED: Final = re.compile(r"\b(?:[^\W\d_][ .\-_*]){3,63}[^\W\d_]\b")
SYLLABLES: Final = re.compile(r"\b[^\W\d_]{1,5}(?:-[^\W\d_]{1,5}){2,12}\b")
_PARTICLES: Final = frozenset(
    ("a", "and", "at", "by", "de", "en", "for", "in", "la", "of", "on", "or", "the", "to", "up")
)
"""Stand between hyphens in honest words: state-of-the-art."""

TOGETHER: Final = re.compile(r"[A-Za-z_-]{16,256}")
_TORN: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|[_-]+")
_LETTERS: Final = re.compile(r"[A-Za-z]+")
LEET_WORD: Final = re.compile(r"[A-Za-z0-9@$!|]{2,40}[A-Za-z0-9]")
_LEET: Final = str.maketrans("013457@$!|", "oieastasil")
_MIXED: Final = re.compile(r"[A-Za-z][0-9]|[A-Za-z][@$!|]+[A-Za-z0-9]|[0-9@$!|][A-Za-z]")
_MARKS: Final = (
    "ignore", "disregard", "forget", "previous", "instruction", "system", "prompt", "reveal", "override", "bypass",
    "password", "jailbreak",
)  # fmt: skip
"""Words that orders are made of."""

_ROT13_MARKS: Final = tuple(codecs.encode(mark, "rot13") for mark in _MARKS)

_READABLE: Final = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}){12,}"
)
_WIDE: Final = re.compile(rb"(?:[\t\n\r\x20-\x7e]\x00){8,}")
"""UTF-16, little-endian, as PowerShell encodes commands."""

_ONE_ALPHABET: Final = str.maketrans("-_", "+/")
_SURE: Final = 16
"""Bytes that no others make readable by chance; fewer must go on to the end."""


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
        yield from _decoded(PERCENT, text, lambda found: _decode(unquote_to_bytes(found)))


def unescape_backslashes(text: str) -> Iterator[Piece]:
    r"""``\uXXXX``, ``\u{X}``, ``\xXX`` and octal ``\XXX``, as JSON and programs write characters."""
    if "\\" in text:
        yield from _decoded(ESCAPES, text, _backslashes)


def decode_base64(text: str) -> Iterator[Piece]:
    """Base64 in both alphabets (RFC 4648) that holds readable text, also between letters that are none."""
    for match in BASE64.finditer(text):
        shown = _readable(_base64(match.group()))
        if shown:
            yield Piece(*match.span(), shown)
        else:
            yield from _inside(match.group(), match.start())


def decode_base32(text: str) -> Iterator[Piece]:
    """Base32 (RFC 4648) that holds readable text."""
    yield from _decoded(BASE32, text, _base32)


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


def join_syllables(text: str) -> Iterator[Piece]:
    """Words with hyphens between their syllables: ``ig-no-re``."""
    for match in SYLLABLES.finditer(text):
        syllables = match.group().split("-")
        if not _PARTICLES.issuperset(map(str.lower, syllables[1:-1])):
            yield Piece(*match.span(), "".join(syllables))


def part_words(text: str) -> Iterator[Piece]:
    """Orders in one word: ``IgnoreAllPreviousInstructions``, ``ignore_all_previous_instructions``."""
    for match in TOGETHER.finditer(text):
        lowered = match.group().lower()
        if sum(mark in lowered for mark in _MARKS) > 1:
            yield Piece(*match.span(), _TORN.sub(" ", match.group()))


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
    codes = [int(code, 16) if code else int(octal, 8) for code, octal in _ESCAPE.findall(found)]
    return joined("".join(chr(code) if code <= sys.maxunicode else "\ufffd" for code in codes))


def _base64(found: str) -> bytes:
    """What base64 stands for; a last character that is none is left out."""
    body = found.rstrip("=").translate(_ONE_ALPHABET)
    body = body[: len(body) - 1] if len(body) % 4 == 1 else body
    return base64.b64decode(body + "=" * (-len(body) % 4))


def _inside(found: str, start: int) -> Iterator[Piece]:
    """Readable parts of a piece of base64 whose beginning or end is something else, by the offset that shows most.

    What is shown does not continue the words around it.
    """
    shown = (_stretches(_base64(found[offset:])) for offset in range(4))
    offset, best = max(
        enumerate(map(list, shown)), key=lambda it: sum(last - first for first, last, _ in it[1])
    )
    for first, last, text in best:
        end = offset + -(-last * 4 // 3)
        yield Piece(start + offset + first * 4 // 3, start + min(len(found), end), f" {text} ")


def _stretches(data: bytes) -> Iterator[tuple[int, int, str]]:
    """The parts of some bytes that are readable text, long enough not to be so by chance."""
    for pattern, encoding in ((_READABLE, "utf-8"), (_WIDE, "utf-16-le")):
        found = [
            (*match.span(), shown)
            for match in pattern.finditer(data)
            if len(match.group()) >= _SURE or match.end() == len(data)
            if (shown := _readable(match.group(), encoding))
        ]
        if found:
            yield from found
            return


def _base32(found: str) -> str | None:
    body = found.rstrip("=")
    body = body[: len(body) - (len(body) % 8 in (1, 3, 6))]
    return _readable(base64.b32decode(body + "=" * (-len(body) % 8)))


def _hex(found: str) -> str | None:
    try:
        return _readable(bytes.fromhex(found.removeprefix("0x").replace(":", "")))
    except ValueError:
        return None


def _readable(data: bytes, encoding: str = "utf-8") -> str | None:
    """Text that a person could have written."""
    text = _decode(data, encoding)
    if not text or not any(map(str.isalnum, text)):
        return None
    return text if all(char.isprintable() or char in "\n\r\t" for char in text) else None


def _decode(data: bytes, encoding: str = "utf-8") -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


CANDIDATES: Final = (
    (strip_markup, MARKUP),
    (unescape_html, HTML),
    (unescape_percent, PERCENT),
    (unescape_backslashes, ESCAPES),
    (decode_base64, BASE64),
    (decode_base32, BASE32),
    (decode_hex, HEX),
    (join_letters, SPACED),
    (join_syllables, SYLLABLES),
    (part_words, re.compile(f"(?:{'|'.join(_MARKS)})[a-z_-]", re.IGNORECASE)),
    (read_leet, _MIXED),
    (turn_rot13, re.compile("|".join(_ROT13_MARKS), re.IGNORECASE)),
)
"""For each function what it finds in every ASCII text that it rewrites."""

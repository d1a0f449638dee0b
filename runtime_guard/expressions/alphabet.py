"""Texts as one byte a character, so that an automaton without Unicode can look at them and offsets stay offsets.

ASCII stands for itself. Every other character becomes the byte of the class that patterns can tell it by, as the
``regex`` module sees it: digit, word character, white space, one that equals an ASCII letter when case is ignored
(``ſ``, the Kelvin sign), a sign in telephone numbers, or anything else. Unpaired surrogates are characters like any
other.
"""

from __future__ import annotations

import string
from functools import cache
from typing import Any, Final

import numpy as np
import regex

DIGIT: Final = 0x80
WORD: Final = 0x81
SPACE: Final = 0x82
OTHER: Final = 0x83
FOLDED: Final = 0x84
"""Characters that match an ASCII letter when case is ignored."""

SIGN: Final = 0x86
"""Signs in telephone numbers, as python-phonenumbers knows them."""

DASH: Final = 0x87
"""The one of them that is a word character."""

EDGE: Final = 0x85
"""Stands before and after a text; no character maps to it."""

ASCII: Final = frozenset(range(128))
BEYOND: Final = frozenset({DIGIT, WORD, SPACE, OTHER, FOLDED, SIGN, DASH})
CHARACTERS: Final = ASCII | BEYOND
EVERYTHING: Final = CHARACTERS | {EDGE}

WORDS: Final = frozenset(map(ord, string.ascii_letters + string.digits + "_")) | {DIGIT, WORD, FOLDED, DASH}
DIGITS: Final = frozenset(map(ord, string.digits)) | {DIGIT}

_SIGNS: Final = (
    *(0xAD, 0x200B, *range(0x2010, 0x2016), 0x2053, 0x2060, 0x2212, 0x223C),
    *(0xFF03, 0xFF08, 0xFF09, 0xFF0B, *range(0xFF0D, 0xFF10), 0xFF3B, 0xFF3D, 0xFF5E),
)
_PROLONGED: Final = 0x30FC
"""KATAKANA-HIRAGANA PROLONGED SOUND MARK, which looks like a dash."""

_BORDER: Final = bytes([EDGE])


def encoded(text: str) -> bytes:
    """The text between two :data:`EDGE` bytes: character ``i`` is byte ``i + 1``."""
    if text.isascii():
        return b"%b%b%b" % (_BORDER, text.encode("ascii"), _BORDER)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return b"%b%b%b" % (_BORDER, classes()[codes].tobytes(), _BORDER)


@cache
def classes() -> Any:
    """The byte of each code point, as an array of 0x110000; takes a tenth of a second the first time."""
    every = "".join(map(chr, range(0x110000)))
    table = np.full(len(every), OTHER, dtype=np.uint8)
    for pattern, value in ((r"\w+", WORD), (r"\d+", DIGIT), (r"\s+", SPACE)):
        for match in regex.finditer(pattern, every):
            table[match.start() : match.end()] = value
    for match in regex.finditer("[a-zA-Z]", every[128:], regex.IGNORECASE):
        table[128 + match.start()] = FOLDED
    table[list(_SIGNS)] = SIGN
    table[_PROLONGED] = DASH
    table[:128] = np.arange(128)
    table.setflags(write=False)
    return table

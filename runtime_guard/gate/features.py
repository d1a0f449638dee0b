"""Hashed n-grams of a text, by arithmetic on an array of its code points: no vocabulary, no loop over characters.

Words are runs of letters and digits; their hash is a polynomial over code points, taken from prefix sums. Hashing is
multiplicative (Knuth, TAOCP 3, 6.4; Weinberger et al. 2009 for learning on hashed features).
"""

from __future__ import annotations

import unicodedata
from typing import Final

import numpy as np
from numpy.typing import NDArray

BITS: Final = 18
ROWS: Final = 1 << BITS
"""Rows of the weight table."""

WINDOW: Final = 420
"""Code points that are judged together."""

STRIDE: Final = 280
"""From one window to the next of a longer text."""

_BASE: Final = 0x9E3779B97F4A7C15 | 1
_MASK: Final = (1 << 64) - 1
_SHIFT: Final = np.uint64(64 - BITS)
_P: Final = np.uint64(0x100000001B3)
_Q: Final = np.uint64(0xD6E8FEB86659FD93)
_SEEDS: Final = tuple(
    np.uint64((_BASE * (2 * number + 1) * 0xBF58476D1CE4E5B9) & _MASK | 1) for number in range(7)
)
_LONGEST: Final = WINDOW + 8


def _powers(base: int) -> NDArray[np.uint64]:
    values, value = [], 1
    for _ in range(_LONGEST):
        values.append(value)
        value = value * base & _MASK
    return np.array(values, dtype=np.uint64)


_UP: Final = _powers(_BASE)
_DOWN: Final = _powers(pow(_BASE, -1, 1 << 64))
_IN_WORD: Final = np.array([chr(code).isalnum() or chr(code) in "_'" for code in range(128)])


def canonical(text: str) -> str:
    """Lower case, one space between words; compatibility forms undone (NFKC) where there is more than ASCII."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.lower().split())


def windows(text: str) -> list[str]:
    """Overlapping windows of a canonical text; one where it is short."""
    if len(text) <= WINDOW:
        return [text]
    return [text[start : start + WINDOW] for start in range(0, len(text) - WINDOW + STRIDE, STRIDE)]


def features(window: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the weight table that a window touches: those of its words, those of its characters.

    Args:
        window: canonical, at most :data:`WINDOW` code points.
    """
    codes = np.frombuffer(f" {window} ".encode("utf-32-le", "replace"), dtype=np.uint32)
    digits = (codes >= 48) & (codes <= 57)
    codes = np.where(digits, np.uint32(48), codes)
    return _word_rows(codes), _character_rows(codes.astype(np.uint64))


def _character_rows(codes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Runs of 3, 4 and 5 characters, spaces included; of 2 where a character stands for a word."""
    two = codes[:-1] * _P + codes[1:]
    three = two[:-1] * _P + codes[2:]
    four = three[:-1] * _P + codes[3:]
    five = four[:-1] * _P + codes[4:]
    parts = [(three, 0), (four, 1), (five, 2)]
    dense = codes[:-1] >= 0x2E80
    if dense.any():
        parts.append((two[dense], 3))
    return np.concatenate([_rows(values, seed) for values, seed in parts])


def _word_rows(codes: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Words, pairs of neighbours, and pairs with one word between them."""
    inside = _IN_WORD[np.minimum(codes, 127)] | (codes > 127)
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    sums = np.cumsum(codes * _UP[: len(codes)], dtype=np.uint64)
    words = (sums[ends - 1] - sums[starts - 1]) * _DOWN[starts]
    return np.concatenate(
        [
            _rows(words, 4),
            _rows(words[:-1] * _Q + words[1:], 5),
            _rows(words[:-2] * _Q + words[2:], 6),
        ]
    )


def _rows(values: NDArray[np.uint64], seed: int) -> NDArray[np.int64]:
    mixed = (values ^ (values >> np.uint64(31))) * _SEEDS[seed]
    return (mixed >> _SHIFT).astype(np.int64)

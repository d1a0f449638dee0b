"""Hashed n-grams of a text, by arithmetic on an array of its code points: no vocabulary, no loop over characters.

Words are runs of letters and digits; their hash is a polynomial over code points, taken from prefix sums. Hashing is
multiplicative (Knuth, TAOCP 3, 6.4; Weinberger et al. 2009 for learning on hashed features). An n-gram belongs to
every window in which it begins, so that a text is hashed once however many windows it has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
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

PIECE: Final = 20 * STRIDE
"""Code points that are hashed at once."""

Rows = NDArray[np.int64]

_BASE: Final = 0x9E3779B97F4A7C15 | 1
_MASK: Final = (1 << 64) - 1
_SHIFT: Final = np.uint64(64 - BITS)
_P: Final = np.uint64(0x100000001B3)
_Q: Final = np.uint64(0xD6E8FEB86659FD93)
_SEEDS: Final = np.array(
    [(_BASE * (2 * number + 1) * 0xBF58476D1CE4E5B9) & _MASK | 1 for number in range(7)], dtype=np.uint64
)
_DENSE: Final = 0x2E80
"""From here on a character stands for a word or a syllable (CJK)."""


def _powers(base: int) -> NDArray[np.uint64]:
    values, value = [], 1
    for _ in range(PIECE + WINDOW + 8):
        values.append(value)
        value = value * base & _MASK
    return np.array(values, dtype=np.uint64)


_UP: Final = _powers(_BASE)
_DOWN: Final = _powers(pow(_BASE, -1, 1 << 64))
_IN_WORD: Final = np.array([chr(code).isalnum() or chr(code) in "_'" for code in range(128)] + [True])


@dataclass(frozen=True)
class Hashed:
    """The n-grams of a piece of text.

    Attributes:
        words: rows of words, pairs of neighbours and pairs with one word between them, by kind.
        word_starts: code point at which each begins, per kind.
        characters: rows of runs of characters, by kind.
        character_starts: likewise; None where the n-th run begins at the n-th code point.
        length: code points.
    """

    words: tuple[Rows, ...]
    word_starts: tuple[NDArray[np.int64], ...]
    characters: tuple[Rows, ...]
    character_starts: tuple[NDArray[np.int64] | None, ...]
    length: int

    def window(self, start: int, end: int) -> tuple[Rows, Rows]:
        """Rows of the words, and of the runs of characters, that begin from ``start`` up to, not including, ``end``."""
        if start == 0 and end >= self.length:
            return np.concatenate(self.words), np.concatenate(self.characters)
        words = [
            rows[np.searchsorted(starts, start) : np.searchsorted(starts, end)]
            for rows, starts in zip(self.words, self.word_starts, strict=True)
        ]
        characters = [
            rows[start:end]
            if starts is None
            else rows[np.searchsorted(starts, start) : np.searchsorted(starts, end)]
            for rows, starts in zip(self.characters, self.character_starts, strict=True)
        ]
        return np.concatenate(words), np.concatenate(characters)


def canonical(text: str) -> str:
    """Lower case, one space between words; compatibility forms undone (NFKC) where there is more than ASCII."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.lower().split())


def parts(text: str) -> Iterator[tuple[Rows, Rows]]:
    """Per window of a text, the rows of its words and those of its runs of characters."""
    for piece in pieces(canonical(text)):
        made = hashed(piece)
        for start, end in windows(made.length):
            yield made.window(start, end)


def pieces(text: str) -> list[str]:
    """A canonical text in pieces of bounded length that overlap as its windows do; one where it is short."""
    if len(text) <= PIECE + WINDOW - STRIDE:
        return [text]
    return [text[start : start + PIECE + WINDOW - STRIDE] for start in range(0, len(text), PIECE)]


def windows(length: int) -> list[tuple[int, int]]:
    """Start and end of the overlapping windows of so many code points; one where they are few."""
    if length <= WINDOW:
        return [(0, length)]
    return [(start, start + WINDOW) for start in range(0, length - WINDOW + STRIDE, STRIDE)]


def hashed(piece: str) -> Hashed:
    """The n-grams of a piece of a canonical text."""
    codes = np.frombuffer(f" {piece} ".encode("utf-32-le", "replace"), dtype=np.uint32)
    codes = np.where((codes >= 48) & (codes <= 57), np.uint32(48), codes)
    characters, character_starts = _characters(codes.astype(np.uint64))
    words, word_starts = _words(codes)
    return Hashed(words, word_starts, characters, character_starts, len(codes))


def _characters(
    codes: NDArray[np.uint64],
) -> tuple[tuple[Rows, ...], tuple[NDArray[np.int64] | None, ...]]:
    two = codes[:-1] * _P + codes[1:]
    three = two[:-1] * _P + codes[2:]
    four = three[:-1] * _P + codes[3:]
    five = four[:-1] * _P + codes[4:]
    rows = tuple(_rows(values, seed) for seed, values in enumerate((three, four, five)))
    dense = np.flatnonzero(codes[:-1] >= _DENSE) if int(codes.max()) >= _DENSE else None
    if dense is None:
        return rows, (None, None, None)
    return (*rows, _rows(two[dense], 3)), (None, None, None, dense)


def _words(codes: NDArray[np.uint32]) -> tuple[tuple[Rows, ...], tuple[NDArray[np.int64], ...]]:
    inside = _IN_WORD[np.minimum(codes, 128)]
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    sums = np.cumsum(codes * _UP[: len(codes)], dtype=np.uint64)
    words = (sums[ends - 1] - sums[starts - 1]) * _DOWN[starts]
    turned = words * _Q
    kinds = (words, turned[:-1] + words[1:], turned[:-2] + words[2:])
    rows = tuple(_rows(values, 4 + kind) for kind, values in enumerate(kinds))
    return rows, (starts, starts[:-1], starts[:-2])


def _rows(values: NDArray[np.uint64], seed: int) -> Rows:
    mixed = (values ^ (values >> np.uint64(31))) * _SEEDS[seed]
    rows: Rows = (mixed >> _SHIFT).view(np.int64)
    return rows

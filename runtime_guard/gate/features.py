"""Hashed n-grams of a text, by arithmetic on an array of its code points: no vocabulary, no loop over characters.

Words are runs of letters and digits; their hash is a polynomial over code points, taken from prefix sums. Hashing is
multiplicative (Knuth, TAOCP 3, 6.4; Weinberger et al. 2009 for learning on hashed features). An n-gram belongs to
every window in which it begins, so that a text is hashed once however many windows it has; and counts once there,
however often it does: what is said over and over is not said more surely.
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

WORDS: Final = ROWS // 2
"""First row of the words'; those before are of runs of characters."""

NONE: Final = ROWS
"""Stands where an n-gram would reach beyond the text."""

WINDOW: Final = 420
"""Code points that are judged together."""

STRIDE: Final = 310
"""From one window to the next of a longer text."""

PIECE: Final = 20 * STRIDE
"""Code points that are hashed at once."""

Rows = NDArray[np.uint32]
Codes = NDArray[np.uint32]

_WIDTH: Final = 32
_BASE: Final = 0x9E3779B1
_MASK: Final = (1 << _WIDTH) - 1
_SHIFT: Final = np.uint32(_WIDTH - BITS + 1)
_P: Final = np.uint32(0x01000193)
_Q: Final = np.uint32(0x85EBCA77)
_SEEDS: Final = np.array(
    [(_BASE * (2 * number + 1) * 0x2C1B3C6D) & _MASK | 1 for number in range(7)], dtype=np.uint32
)[:, np.newaxis]
_DENSE: Final = 0x2E80
"""From here on a character stands for a word or a syllable (CJK)."""


def _powers(base: int) -> Codes:
    values, value = [], 1
    for _ in range(PIECE + WINDOW + 8):
        values.append(value)
        value = value * base & _MASK
    return np.array(values, dtype=np.uint32)


_UP: Final = _powers(_BASE)
_DOWN: Final = _powers(pow(_BASE, -1, 1 << _WIDTH))
_IS_WORD: Final = [chr(code).isalnum() or chr(code) in "_'" for code in range(128)]
_IN_WORD: Final = np.array([*_IS_WORD, True])
_ASCII_IN_WORD: Final = bytes(_IS_WORD).ljust(256, b"\x01")
_ASCII_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")


@dataclass(frozen=True)
class Hashed:
    """The n-grams of a piece of text.

    Attributes:
        words: rows of words, pairs of neighbours and pairs with one word between them, (3, words): the n-th of each
            begins at the n-th word; :data:`NONE` where it would go on behind the last one.
        word_starts: code point at which each word begins, (words,).
        characters: rows of runs of three, four and five characters, (3, code points - 1): the n-th of each begins at
            the n-th; where characters stand for words, one row more for runs of two of them.
        length: code points.
    """

    words: Rows
    word_starts: NDArray[np.int64]
    characters: Rows
    length: int

    def sorted_rows(self, first: int, count: int) -> Rows:
        """All rows of each of some windows, sorted, (windows, n-grams): what repeats itself stands together.

        :data:`NONE` stands in place of what a window has fewer of.

        Args:
            first: number of the first window.
            count: how many.
        """
        places = windows(self.length)[first : first + count]
        edges = self.word_starts.searchsorted(places).tolist()
        most = max(end - start for start, end in edges)
        kinds, width = len(self.characters), min(WINDOW, self.characters.shape[1])
        made = np.full((len(places), kinds * width + len(self.words) * most), NONE, np.uint32)
        runs = made[:, : kinds * width].reshape(len(places), kinds, width)
        words = made[:, kinds * width :].reshape(len(places), len(self.words), most)
        for number, ((start, end), (one, other)) in enumerate(zip(places, edges, strict=True)):
            inside = self.characters[:, start:end]
            runs[number, :, : inside.shape[1]] = inside
            words[number, :, : other - one] = self.words[:, one:other]
        made.sort(axis=1)
        return made


def canonical(text: str) -> str:
    """Lower case, one space between words; compatibility forms undone (NFKC) where there is more than ASCII."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    lower = text.lower()
    if lower.isprintable() and "  " not in lower:  # its only spaces are those of ASCII, each alone
        return lower.strip(" ")
    return " ".join(lower.split())


def parts(text: str) -> Iterator[tuple[Rows, Rows]]:
    """Per window of a text, the rows of its words and those of its runs of characters, each row once."""
    for piece in pieces(canonical(text)):
        made = hashed(piece)
        for rows in made.sorted_rows(0, len(windows(made.length))):
            once = np.unique(rows)
            yield once[(once >= WORDS) & (once < NONE)], once[once < WORDS]


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
    codes, inside = _read(f" {piece} ")
    words, starts = _words(codes, inside)
    return Hashed(words, starts, _characters(codes, wide=not piece.isascii()), len(codes))


def _read(text: str) -> tuple[Codes, NDArray[np.bool_]]:
    """Code points, all digits alike, and which of them stand in words."""
    if text.isascii():
        plain = text.encode("ascii")
        codes = np.frombuffer(plain.translate(_ASCII_DIGITS), dtype=np.uint8)
        inside = np.frombuffer(plain.translate(_ASCII_IN_WORD), dtype=np.bool_)
    else:
        wide = np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32)
        codes = np.where((wide >= 48) & (wide <= 57), np.uint32(48), wide)
        inside = _IN_WORD[np.minimum(codes, 128)]
    return codes.astype(np.uint32), inside


def _characters(codes: Codes, *, wide: bool) -> Rows:
    two = codes[:-1] * _P + codes[1:]
    dense = codes[:-1] >= _DENSE if wide and int(codes.max()) >= _DENSE else None
    values = np.empty((3 if dense is None else 4, len(two)), dtype=np.uint32)
    shorter = two
    for kind in range(3):
        longer = values[kind, : -1 - kind]
        np.multiply(shorter[: len(longer)], _P, out=longer)
        longer += codes[2 + kind :]
        shorter = longer
    if dense is not None:
        values[3] = two
    rows = _rows(values, 0)
    for kind in range(3):
        rows[kind, max(0, len(two) - 1 - kind) :] = NONE
    if dense is not None:
        rows[3, ~dense] = NONE
    return rows


def _words(codes: Codes, inside: NDArray[np.bool_]) -> tuple[Rows, NDArray[np.int64]]:
    edges = (inside[1:] != inside[:-1]).nonzero()[0]
    starts = edges[::2] + 1
    sums = (codes * _UP[: len(codes)]).cumsum(dtype=np.uint32).take(edges)
    values = np.empty((3, len(starts)), dtype=np.uint32)
    words = values[0]
    np.subtract(sums[1::2], sums[::2], out=words)
    words *= _DOWN.take(starts)
    turned = words * _Q
    values[1, :-1] = turned[:-1] + words[1:]
    values[2, :-2] = turned[:-2] + words[2:]
    rows = _rows(values, 4)
    rows += np.uint32(WORDS)
    rows[1, -1:] = rows[2, -2:] = NONE
    return rows, starts


def _rows(values: Codes, seed: int) -> Rows:
    """Rows of hashes, each kind with a seed of its own."""
    mixed = values >> np.uint32(_WIDTH // 2 - 1)
    mixed ^= values
    mixed *= _SEEDS[seed : seed + len(values)]
    mixed >>= _SHIFT
    return mixed

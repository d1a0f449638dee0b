"""How word pieces are written, which a lower-casing tokenizer forgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHAPES: Final = 10
"""Features per piece."""

_UPPER, _LOWER, _DIGIT, _WORD, _SPACE, _SKIPPED, _STOP, _JOINING = (1 << bit for bit in range(8))
_REACH: Final = 8
"""Characters before a piece among which the end of the sentence before it is looked for."""


def shapes(text: str, offsets: Sequence[tuple[int, int]] | NDArray[np.int64]) -> NDArray[np.float32]:
    """Features of how pieces are written, float32, (pieces, :data:`SHAPES`).

    That it is a piece of the text; begins with a capital; is all capitals; all digits; a mark; follows a space; follows
    a letter or digit; opens a sentence; is followed by a letter or digit; by a mark that joins words.

    Args:
        text: as it was written.
        offsets: start and end per piece; (0, 0) for special ones.
    """
    if not text:
        return np.zeros((len(offsets), SHAPES), np.float32)
    kinds = np.concatenate([_kinds(text), np.zeros(1, np.uint8)])
    start, end = np.asarray(offsets, np.int64).reshape(-1, 2).T
    first, after = kinds[np.minimum(start, len(text))], kinds[end]
    before = np.where(start > 0, kinds[start - 1], np.uint8(_SPACE))
    length = end - start
    uppers, lowers, digits = (_counted(kinds, kind, start, end) for kind in (_UPPER, _LOWER, _DIGIT))
    found = np.stack(
        [
            np.ones(len(start), bool),
            first & _UPPER != 0,
            (uppers > 0) & (lowers == 0) & (length > 1),
            digits == length,
            first & _WORD == 0,
            before & _SPACE != 0,
            before & _WORD != 0,
            _opens_sentence(kinds, start),
            after & _WORD != 0,
            after & _JOINING != 0,
        ],
        axis=1,
    )
    found[length == 0] = False
    return found.astype(np.float32)


def _kinds(text: str) -> NDArray[np.uint8]:
    """What each character is, as bits."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    if text.isascii():
        return _ASCII[points]
    known, where = np.unique(points, return_inverse=True)
    return np.array([_kind(chr(point)) for point in known], np.uint8)[where]


def _kind(character: str) -> int:
    return (
        _UPPER * character.isupper()
        | _LOWER * (character.islower() or (character.istitle() and not character.isupper()))
        | _DIGIT * character.isdigit()
        | _WORD * character.isalnum()
        | _SPACE * character.isspace()
        | _SKIPPED * (character in " \"'(")
        | _STOP * (character in ".!?:\n")
        | _JOINING * (character in ".'-@/")
    )


_ASCII: Final = np.array([_kind(chr(point)) for point in range(128)], np.uint8)


def _counted(
    kinds: NDArray[np.uint8], kind: int, start: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many characters of a kind each piece has."""
    sums = np.concatenate([[0], np.cumsum(kinds & kind != 0)])
    counts: NDArray[np.int64] = sums[end] - sums[start]
    return counts


def _opens_sentence(kinds: NDArray[np.uint8], start: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether, spaces and opening marks aside, nothing near or the end of a sentence stands before each place."""
    places = np.arange(len(kinds))
    counting = np.where(kinds & _SKIPPED == 0, places, -1)
    last = np.maximum.accumulate(counting)[start - 1]
    near = (start > 0) & (last >= 0) & (start - last <= _REACH)
    opens: NDArray[np.bool_] = ~near | (kinds[last] & _STOP != 0)
    return opens

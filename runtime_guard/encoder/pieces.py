"""Texts as windows of word pieces, with where each piece stands; long texts overlap, nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tokenizers import Tokenizer

LENGTH: Final = 128
"""Word pieces of a window, special ones included."""

OVERLAP: Final = 32
"""Pieces that two neighbouring windows share."""

MAX_CHARACTERS: Final = 100_000
"""Characters that are tokenized at once."""

_SPACE_WITHIN: Final = 1000
"""Characters before that bound in which white space is looked for, lest a word be cut."""


@dataclass(frozen=True)
class Frame:
    """How texts are cut.

    Attributes:
        length: pieces of a window, special ones included.
        overlap: pieces that two neighbouring windows share; less than half of the room there is.
        opening, closing: ids of the special pieces around each window.
    """

    length: int
    overlap: int
    opening: Sequence[int]
    closing: Sequence[int]

    @property
    def room(self) -> int:
        """Pieces of the text in one window."""
        return self.length - len(self.opening) - len(self.closing)


@dataclass(frozen=True)
class Pieces:
    """A window of a text.

    Attributes:
        ids: word-piece ids with the special ones around.
        offsets: start and end in the text per id; (0, 0) for special ones.
        first, last: the pieces from ``first`` up to ``last`` that this window decides about; the rest is context.
    """

    ids: Sequence[int]
    offsets: Sequence[tuple[int, int]]
    first: int
    last: int


def bert_frame(tokenizer: Tokenizer) -> Frame:
    """Windows of :data:`LENGTH` pieces between ``[CLS]`` and ``[SEP]``."""
    opening, closing = (tokenizer.token_to_id(name) or 0 for name in ("[CLS]", "[SEP]"))
    return Frame(LENGTH, OVERLAP, (opening,), (closing,))


def windows_of(text: str, tokenizer: Tokenizer, frame: Frame | None = None) -> Iterator[Pieces]:
    """The windows of a text; each piece is decided about in exactly one.

    Args:
        text: of any length.
        tokenizer: neither pads nor cuts.
        frame: how they are cut; by default as :func:`bert_frame`.
    """
    return _windows(*_tokenized(text, tokenizer), frame or bert_frame(tokenizer))


def windows_of_each(texts: Sequence[str], tokenizer: Tokenizer) -> list[list[Pieces]]:
    """The windows of many texts, tokenized side by side; as :func:`windows_of` cuts each."""
    frame = bert_frame(tokenizer)
    short = [text for text in texts if len(text) <= MAX_CHARACTERS]
    encoded = iter(tokenizer.encode_batch(short, add_special_tokens=False))
    return [
        list(_windows(found.ids, found.offsets, frame))
        if len(text) <= MAX_CHARACTERS and (found := next(encoded))
        else list(windows_of(text, tokenizer, frame))
        for text in texts
    ]


def _windows(ids: Sequence[int], offsets: Sequence[tuple[int, int]], frame: Frame) -> Iterator[Pieces]:
    room, overlap = frame.room, frame.overlap
    for start in range(0, max(1, len(ids) - overlap), room - overlap):
        chosen = slice(start, start + room)
        begins = overlap // 2 if start else 0
        ends = room if start + room >= len(ids) else room - (overlap - overlap // 2)
        yield Pieces(
            [*frame.opening, *ids[chosen], *frame.closing],
            [*((0, 0) for _ in frame.opening), *offsets[chosen], *((0, 0) for _ in frame.closing)],
            len(frame.opening) + begins,
            len(frame.opening) + min(ends, len(ids) - start),
        )


def grouped(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Indices of windows in batches of similar length, at most so many pieces together, padding included.

    Args:
        lengths: pieces of each window.
        tokens: a longer window is a batch of its own.
    """
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and lengths[index] * (len(group) + 1) > tokens:
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def _tokenized(text: str, tokenizer: Tokenizer) -> tuple[list[int], list[tuple[int, int]]]:
    ids: list[int] = []
    offsets: list[tuple[int, int]] = []
    start = 0
    while start < max(1, len(text)):
        end = _end(text, start)
        encoded = tokenizer.encode(text[start:end], add_special_tokens=False)
        ids += encoded.ids
        offsets += [(left + start, right + start) for left, right in encoded.offsets]
        start = max(end, start + 1)
    return ids, offsets


def _end(text: str, start: int) -> int:
    end = start + MAX_CHARACTERS
    if end >= len(text):
        return len(text)
    for place in range(end, end - _SPACE_WITHIN, -1):
        if text[place].isspace():
            return place
    return end

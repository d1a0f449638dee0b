"""Tags of word pieces as spans of a text: plain labels, or BIO, BIOES and BILOU (Ramshaw and Marcus 1995; Ratinov and
Roth 2009), whatever of them a model was taught.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Chances = NDArray[np.float32]
Span = tuple[int, int, str, float]
Offsets = Sequence[tuple[int, int]]

_TAG: Final = re.compile(r"([BIESLU])[-_](.+)", re.DOTALL)
_BEGINS: Final = frozenset("BSU")
_ENDS: Final = frozenset("ESLU")


class Word(NamedTuple):
    """Pieces that are decided about together, from ``first`` up to ``last``, and where they stand."""

    first: int
    last: int
    start: int
    end: int


@dataclass(frozen=True)
class Scheme:
    """What a model's tags mean here.

    Attributes:
        labels: what is reported, as it is called here.
        member, begins, ends: per tag and label 1 where the tag is of the label, begins it, ends it; float32,
            (tags, labels).
    """

    labels: tuple[str, ...]
    member: Chances
    begins: Chances
    ends: Chances

    @classmethod
    def of(cls, tags: Sequence[str], meant: Mapping[str, str]) -> Self:
        """The scheme of a model's tags.

        Args:
            tags: the model's, by number.
            meant: what it calls a thing, without prefix, to what that is called here.
        """
        parts = parts_of(tags)
        labels = tuple(sorted(set(meant.values())))
        member = np.array([[meant.get(name) == label for label in labels] for _, name in parts], np.float32)
        begins, ends = (
            np.array([part in which for part, _ in parts], np.float32)[:, None] for which in (_BEGINS, _ENDS)
        )
        return cls(labels, member, member * begins, member * ends)

    def spans(self, text: str, chances: Chances, offsets: Offsets, bounds: Mapping[str, float]) -> list[Span]:
        """Spans of a text: start, end, label and mean chance; in order, disjoint, without white space around.

        A word belongs to a label whose tags together are as likely as its bound asks, the likeliest of them.

        Args:
            text: as it was written.
            chances: of tags per piece, (pieces, tags).
            offsets: start and end per piece.
            bounds: per label, the chance from which on it counts.
        """
        found: list[Span] = []
        before: _Part | None = None
        scores: list[float] = []
        for part in self._parts(text, chances, offsets, bounds):
            if before is not None and part.goes_on(before, text):
                scores.append(part.score)
                start = found.pop()[0]
            else:
                scores = [part.score]
                start = part.word.start
            found.append((start, part.word.end, self.labels[part.label], sum(scores) / len(scores)))
            before = part
        return found

    def _parts(
        self, text: str, chances: Chances, offsets: Offsets, bounds: Mapping[str, float]
    ) -> Iterator[_Part]:
        limits = np.array([bounds[label] for label in self.labels], np.float32)
        for word in words_of(text, offsets):
            mean = chances[word.first : word.last].mean(0) @ self.member
            over = np.where(mean >= limits, mean, -1.0)
            label = int(over.argmax())
            if over[label] < 0:
                continue
            begins, ends = (
                float(chances[row] @ part[:, label]) * 2 > float(chances[row] @ self.member[:, label])
                for row, part in ((word.first, self.begins), (word.last - 1, self.ends))
            )
            yield _Part(word, label, min(1.0, float(mean[label])), begins, ends)


class _Part(NamedTuple):
    """A word of a label."""

    word: Word
    label: int
    score: float
    begins: bool
    ends: bool

    def goes_on(self, before: _Part, text: str) -> bool:
        """Whether it is of the same span as the part before it."""
        if self.label != before.label or self.begins or before.ends:
            return False
        return not text[before.word.end : self.word.start].strip()


def parts_of(tags: Sequence[str]) -> list[tuple[str, str]]:
    """Prefix and name of each tag; the prefix is empty where the tags have none, as is the name of ``O``.

    Tags have prefixes if all of them do, ``O`` apart, and one of them is a ``B``, ``S`` or ``I``.
    """
    split = [_TAG.fullmatch(tag) for tag in tags if tag != "O"]
    tagged = [match for match in split if match is not None]
    if not tagged or len(tagged) < len(split) or not {match[1] for match in tagged} & set("BIS"):
        return [("", "" if tag == "O" else tag) for tag in tags]
    return [(match[1], match[2]) if (match := _TAG.fullmatch(tag)) else ("", "") for tag in tags]


def words_of(text: str, offsets: Offsets) -> Iterator[Word]:
    """Pieces of one word together: a letter or digit that directly follows another belongs to its word, except in
    scripts that put no space between words.

    Args:
        text: as it was written.
        offsets: start and end per piece, in order; pieces that stand nowhere are passed over.
    """
    word: Word | None = None
    for row, (left, right) in enumerate(offsets):
        start, end = _trimmed(text, left, right)
        if start == end:
            continue
        if word is not None and (start < word.end or (start == word.end and _one_word(text, start))):
            word = Word(word.first, row + 1, word.start, max(word.end, end))
            continue
        if word is not None:
            yield word
        word = Word(row, row + 1, start, end)
    if word is not None:
        yield word


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _one_word(text: str, place: int) -> bool:
    return all(_joins(char) for char in text[place - 1 : place + 1])


def _joins(char: str) -> bool:
    if char.isascii():
        return char.isalnum()
    if unicodedata.category(char).startswith("M"):
        return True
    return char.isalnum() and unicodedata.east_asian_width(char) not in "WF" and not _unspaced(char)


def _unspaced(char: str) -> bool:
    """Thai, Lao, Myanmar, Khmer."""
    return "\u0e00" <= char <= "\u0eff" or "\u1000" <= char <= "\u109f" or "\u1780" <= char <= "\u17ff"

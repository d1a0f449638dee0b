"""Token tags: which word pieces begin (B) or continue (I) personal data, and back from tags to spans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime_guard.encoder.boundaries import Span, words_of

ENTITIES: Final = ("PERSON", "LOCATION", "ORGANIZATION", "DATE_TIME", "AGE", "NRP")
TAGS: Final = ("O", *(f"{part}-{entity}" for entity in ENTITIES for part in "BI"))
"""In the order of the head's outputs: O, B-PERSON, I-PERSON, …"""

LEAST: Final = 0.45
"""Chance that a word is of an entity below which it is of none, however unlikely that is too."""

Offsets = Sequence[tuple[int, int]]


def tag_of(entity: str, *, first: bool) -> int:
    """Index in :data:`TAGS`."""
    return 1 + 2 * ENTITIES.index(entity) + (not first)


def encode(spans: Iterable[tuple[int, int, str]], offsets: Offsets) -> list[int]:
    """Tags of pieces for spans of a text."""
    tags = [0] * len(offsets)
    for start, end, entity in spans:
        first = True
        for row, (left, right) in enumerate(offsets):
            if left < right and left < end and start < right:
                tags[row] = tag_of(entity, first=first)
                first = False
    return tags


def decode(text: str, chances: NDArray[np.float32], offsets: Offsets) -> list[Span]:
    """Spans from the chances of tags: start, end, entity, score; what its words say together, a word is.

    A word belongs to an entity when B and I of it together are likelier than O and any other, and no less than
    :data:`LEAST`, in the mean over its pieces. Neighbours of one entity are one span: B parts them only where a line or
    a gap does. The score of a span is the mean over its words.

    Args:
        text: the text.
        chances: (pieces, tags), rows add up to one.
        offsets: start and end per piece in the text.
    """
    if not offsets:
        return []
    first = np.fromiter(words_of(text, offsets), dtype=np.int64)
    last = np.append(first[1:], len(offsets))
    means = np.add.reduceat(chances, first, axis=0) / (last - first)[:, None]
    merged = means[:, 1::2] + means[:, 2::2]
    best, score = merged.argmax(1), merged.max(1)
    inside = (score > means[:, 0]) & (score >= LEAST)
    if not inside.any():
        return []
    spans: list[Span] = []
    members: list[float] = []
    previous = -1
    for word in range(len(first)):
        start, end = offsets[first[word]][0], offsets[last[word] - 1][1]
        if start == end or not inside[word]:
            previous = -1
            continue
        kind = int(best[word])
        begins = chances[first[word], 1 + 2 * kind] > chances[first[word], 2 + 2 * kind]
        if kind == previous and not _parted(text[spans[-1][1] : start], begins=bool(begins)):
            members.append(float(score[word]))
            spans[-1] = (spans[-1][0], end, ENTITIES[kind], sum(members) / len(members))
        else:
            members = [float(score[word])]
            spans.append((start, end, ENTITIES[kind], members[0]))
        previous = kind
    return spans


def _parted(gap: str, *, begins: bool) -> bool:
    return gap.count("\n") > 1 or (begins and gap not in ("", " "))

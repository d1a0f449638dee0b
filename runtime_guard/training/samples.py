"""Examples as the encoder sees them: word pieces, how they are written, tags and labels where they are known."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from runtime_guard.encoder.heads import ROLES
from runtime_guard.encoder.pieces import Pieces, windows_of
from runtime_guard.encoder.shapes import SHAPES, shapes
from runtime_guard.encoder.tags import TAGS, encode
from runtime_guard.readers.interface import SAFETY_LABELS
from runtime_guard.training.annotation import ALL, ANNOTATED, conventional
from runtime_guard.training.example import Example
from runtime_guard.training.sources import ASKS, rows_of
from runtime_guard.training.tagged import Tagged

NO_TAG: Final = -100
"""Tag of pieces that are not taught."""

_SORTED: Final = 8192
"""Samples that are sorted by length together."""

PII_FILES: Final = (
    "pii_wnut17",
    "pii_sec_filings",
    "pii_piianon",
    "pii_presidio_generated_large_subset",
    "pii_nano",
)
Badness = Callable[[str, Example], float]
"""How bad a part of a bad text looks."""


@dataclass
class Sample:
    """A window.

    Attributes:
        ids: word pieces.
        written: shapes per piece, float16.
        tags: per piece, :data:`NO_TAG` where unknown.
        silent: tags that the source does not annotate; they are neither right nor wrong.
        values, weights: per safety label, as in the gate's targets.
        role: index in ROLES.
        owner: which text it comes from.
        source: of the text.
    """

    ids: Sequence[int]
    written: NDArray[np.float16]
    tags: Sequence[int]
    silent: Sequence[int]
    values: NDArray[np.float32]
    weights: NDArray[np.float32]
    role: int
    owner: int
    source: str


def read_tagged(folder: Path) -> Iterator[Tagged]:
    """Every text with personal data of the folder, annotated by our convention."""
    for name in PII_FILES:
        for number, row in enumerate(rows_of(folder, name)):
            marked = tuple((s["start"], s["end"], s["type"]) for s in row["spans"])
            spans, doubtful = conventional(row["text"], marked, row["source"])
            annotated = ANNOTATED.get(row["source"], frozenset(row.get("annotated_types") or ALL) & ALL)
            kept = tuple(span for span in spans if span[2] in annotated)
            held = row.get("split") in ("dev", "test") or ("split" not in row and number % 5 == 0)
            yield Tagged(row["text"], kept, annotated, row["source"], held, doubtful)


def safety_samples(
    examples: Sequence[Example], tokenizer: Tokenizer, badness: Badness, most: int = 2
) -> Iterator[Sample]:
    """Windows of examples with safety labels, at most ``most`` of each text.

    Args:
        examples: what is learned from.
        tokenizer: cuts nothing off.
        badness: says how likely a part of a bad text is what makes it bad: nobody has labelled that.
        most: windows of one text; of a bad one its worst, of a harmless one the first and others by chance.
    """
    for owner, example in enumerate(examples):
        rng = random.Random(owner)  # noqa: S311 - not for secrets
        cut = list(windows_of(example.text, tokenizer))
        if len(cut) > most and example.safe:
            cut = [cut[0], *rng.sample(cut[1:], most - 1)]
        elif len(cut) > most:
            cut = sorted(cut, key=lambda window: -badness(_text_of(example.text, window), example))[
                : most - 1
            ]
        values, weights = _known(example)
        for window in cut:
            yield Sample(
                window.ids,
                shapes(example.text, window.offsets).astype(np.float16),
                [NO_TAG] * len(window.ids),
                (),
                values,
                weights,
                ROLES[example.role],
                owner,
                example.source,
            )


def tag_samples(tagged: Iterable[Tagged], tokenizer: Tokenizer) -> Iterator[Sample]:
    """Windows of texts with personal data; but for those that ask for it, they are harmless too."""
    harmless = Example("", "user", "", dict.fromkeys(("prompt_injection", "jailbreak", "harmful_request"), 0))
    for owner, item in enumerate(tagged):
        values, weights = _known(replace(harmless, weight=0.0 if ASKS.search(item.text) else 0.5))
        silent = [index for index, tag in enumerate(TAGS) if index and tag[2:] not in item.annotated]
        for window in windows_of(item.text, tokenizer):
            tags = encode(item.spans, window.offsets)
            skipped = [start == end or _doubtful(item, start, end) for start, end in window.offsets]
            yield Sample(
                window.ids,
                shapes(item.text, window.offsets).astype(np.float16),
                [NO_TAG if skip else tag for tag, skip in zip(tags, skipped, strict=True)],
                silent,
                values,
                weights,
                owner % 2,
                owner,
                item.source,
            )


def _doubtful(item: Tagged, start: int, end: int) -> bool:
    return any(first < end and start < last for first, last in item.doubtful)


def _text_of(text: str, window: Pieces) -> str:
    places = [place for place in window.offsets if place[0] < place[1]]
    return text[places[0][0] : places[-1][1]] if places else ""


def _known(example: Example) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    values = np.array([example.known.get(label, 0) for label in SAFETY_LABELS], np.float32)
    weights = np.array([example.weight * (label in example.known) for label in SAFETY_LABELS], np.float32)
    return values, weights


@dataclass(frozen=True)
class Batch:
    """Samples padded to one length, as tensors; fields as in :class:`Sample`."""

    ids: torch.Tensor
    mask: torch.Tensor
    written: torch.Tensor
    tags: torch.Tensor
    silent: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor
    roles: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(**{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})


def grouped(samples: Sequence[Sample], pieces: int, rng: random.Random) -> list[list[int]]:
    """Indices of samples that make a batch, shuffled: of similar length, so many pieces with padding."""
    order = list(range(len(samples)))
    rng.shuffle(order)
    groups: list[list[int]] = []
    for start in range(0, len(order), _SORTED):
        group: list[int] = []
        for index in sorted(order[start : start + _SORTED], key=lambda item: len(samples[item].ids)):
            if group and len(samples[index].ids) * (len(group) + 1) > pieces:
                groups.append(group)
                group = []
            group.append(index)
        groups.append(group)
    rng.shuffle(groups)
    return [group for group in groups if group]


def padded(samples: Sequence[Sample]) -> Batch:
    """One batch."""
    length = max(len(sample.ids) for sample in samples)
    count = len(samples)
    ids = torch.zeros(count, length, dtype=torch.int64)
    mask = torch.zeros(count, length, dtype=torch.int64)
    written = torch.zeros(count, length, SHAPES)
    tags = torch.full((count, length), NO_TAG, dtype=torch.int64)
    silent = torch.zeros(count, 1, len(TAGS))
    for row, sample in enumerate(samples):
        size = len(sample.ids)
        ids[row, :size] = torch.tensor(sample.ids)
        mask[row, :size] = 1
        written[row, :size] = torch.from_numpy(sample.written)
        tags[row, :size] = torch.tensor(sample.tags)
        silent[row, 0, list(sample.silent)] = -1e4
    return Batch(
        ids,
        mask,
        written,
        tags,
        silent,
        torch.from_numpy(np.stack([sample.values for sample in samples])),
        torch.from_numpy(np.stack([sample.weights for sample in samples])),
        torch.tensor([sample.role for sample in samples]),
    )

"""Where the gate's word is final: chosen so that of what both models together find, next to nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from runtime_guard.readers.interface import SAFETY_LABELS, flagged_for
from runtime_guard.training.example import ENTITIES, Example
from runtime_guard.training.tables import Judged, columns

LOSS: Final = 0.005
"""Share of a label's texts that both models together flag and that the gate alone may settle as clean."""

MARGIN: Final = 0.7
"""Logits by which the gate may think better of a text it has not seen than of those that its bounds are chosen on."""

SURE: Final = 0.001
"""Share of harmless texts that the gate alone may settle as bad."""

NEVER: Final = 30.0
"""A logit that no text has."""

_LEVELS: Final = 200
"""Bounds of a label that are tried."""

_STRIDES: Final = (1, 2, 4, 8, 16, 32)
"""Levels by which a bound is raised at a time."""

Logits = NDArray[np.float32]
Rows = NDArray[np.int64]
Bounds = Mapping[str, float]


def settled_bounds(
    parts: Sequence[tuple[Judged, Logits]], bounds: Bounds
) -> tuple[dict[str, float], dict[str, float]]:
    """Per safety label, the gate's logit below which a text is clean, and above which it is the label's.

    A text is settled as clean when it is below the bounds of all labels. So they are chosen together: a violent text
    that does not look violent may be spared by looking like a harmful request.

    Args:
        parts: texts judged by both together, with the gate's own logits; all of them together are held to
            :data:`LOSS` of each label.
        bounds: logits of both together from which on labels are flagged.
    """
    below = _raised(_Texts.of(parts, bounds))
    clear = dict(zip(SAFETY_LABELS, below.tolist(), strict=True))
    certain = {
        label: max(clear[label], *(_sure(both, gate, column) for both, gate in parts))
        for column, label in enumerate(SAFETY_LABELS)
    }
    return clear, certain


def entities_bound(judged: Judged, column: int) -> float:
    """The gate's logit for personal data below which at most :data:`LOSS` of the texts that have some lie."""
    having = [row for row, item in enumerate(judged.examples) if item.known.get(ENTITIES)]
    return float(np.quantile(judged.logits[having, column], LOSS)) if having else -NEVER


def is_settled(example: Example, gate: Logits, clear: Bounds, certain: Bounds) -> bool:
    """Whether the gate, whose logits per label these are, is in no doubt about the safety of a text."""
    return not any(
        clear[label] < gate[column] < certain[label]
        for column, label in enumerate(SAFETY_LABELS)
        if flagged_for(label, example.role)
    )


@dataclass(frozen=True)
class _Texts:
    """Texts that bounds are held to.

    Attributes:
        gate: the gate's logits, (texts, labels); where a label is not flagged in the text's role, -inf.
        found: of each label, the rows that have it and that both together flag, and how many of them may be lost.
        harmless: rows of harmless texts.
        weight: what each of those counts: all sources of a part alike, all parts alike.
    """

    gate: Logits
    found: Sequence[tuple[Rows, int]]
    harmless: Rows
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, parts: Sequence[tuple[Judged, Logits]], bounds: Bounds) -> Self:
        examples = [item for both, _ in parts for item in both.examples]
        both = np.concatenate([part.logits for part, _ in parts])
        gate = np.concatenate([part for _, part in parts])
        counts = [flagged_for(label, item.role) for item in examples for label in SAFETY_LABELS]
        found = []
        for column, label in enumerate(SAFETY_LABELS):
            having, _ = columns(examples, label)
            flagged = having[both[having, column] >= bounds[label]]
            found.append((flagged, int(LOSS * len(having))))
        calm = [(row, part) for row, part in enumerate(_numbers(parts)) if is_calm(examples[row])]
        kinds = [(part, examples[row].source) for row, part in calm]
        sizes, sources = Counter(kinds), Counter(part for part, _ in set(kinds))
        return cls(
            np.where(np.reshape(counts, gate.shape), gate, -np.inf),
            found,
            np.array([row for row, _ in calm], np.int64),
            np.array([1 / sizes[kind] / sources[kind[0]] for kind in kinds]),
        )

    def spared(self, clear: Logits) -> bool:
        """Whether no more than may be is lost."""
        return all(int(_below(self.gate[rows], clear + MARGIN).sum()) <= most for rows, most in self.found)

    def settled(self, clear: Logits) -> float:
        """How much of the harmless texts is settled as clean."""
        return float(_below(self.gate[self.harmless], clear) @ self.weight)

    def levels(self, column: int) -> Logits:
        """Bounds of a label that are tried: what part of the harmless texts lies below."""
        calm = self.gate[self.harmless, column]
        calm = calm[np.isfinite(calm)]
        tried = np.quantile(calm, np.linspace(0, 1, _LEVELS)) if len(calm) else np.full(_LEVELS, -NEVER)
        return np.concatenate([[-NEVER], tried]).astype(np.float32)

    def alone(self, column: int) -> float:
        """The bound below which no more than may be of the label's own texts lie, whatever the other bounds are."""
        rows, most = self.found[column]
        lost = np.sort(self.gate[rows, column])
        return float(lost[most]) - MARGIN if most < len(lost) else NEVER


def _numbers(parts: Sequence[tuple[Judged, Logits]]) -> list[int]:
    """Of each text, the number of the part that it is of."""
    return [number for number, (both, _) in enumerate(parts) for _ in both.examples]


def is_calm(example: Example) -> bool:
    """Whether a text is known to be harmless."""
    return example.safe and bool(example.known)


def _raised(texts: _Texts) -> Logits:
    """Bounds of all labels: first those below which nothing of the label itself is lost, then raised one by one.

    Each time the bound is raised that gains most per level.
    """
    every = range(len(SAFETY_LABELS))
    levels = np.stack([texts.levels(column) for column in every], axis=1)
    place = np.array([np.searchsorted(levels[1:, column], texts.alone(column)) for column in every])
    while True:
        settled = texts.settled(levels[place, every])
        steps = [
            ((texts.settled(levels[tried, every]) - settled) / stride, tried)
            for tried, stride in _higher(place)
            if texts.spared(levels[tried, every])
        ]
        gain, best = max(steps, key=lambda step: step[0], default=(0.0, place))
        if gain <= 0:
            found: Logits = levels[place, every]
            return found
        place = best


def _higher(place: Rows) -> list[tuple[Rows, int]]:
    """Places of which one is higher than it was, and by how much."""
    found = []
    for column in range(len(place)):
        for stride in _STRIDES:
            if place[column] + stride <= _LEVELS:
                tried = place.copy()
                tried[column] += stride
                found.append((tried, stride))
    return found


def _below(gate: Logits, clear: Logits) -> NDArray[np.bool_]:
    below: NDArray[np.bool_] = np.all(gate < clear, axis=1)
    return below


def _sure(both: Judged, gate: Logits, column: int) -> float:
    """The gate's logit above which at most :data:`SURE` of the harmless texts lie."""
    _, lacking = columns(both.examples, SAFETY_LABELS[column])
    return float(np.quantile(gate[lacking, column], 1 - SURE)) if len(lacking) else -NEVER

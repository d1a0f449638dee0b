"""Where the gate's word is final: chosen so that of what both models together find, next to nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from runtime_guard.judge import SAFETY_LABELS, flagged_for
from runtime_guard.training.example import ENTITIES, Example
from runtime_guard.training.tables import Judged, columns

LOSS: Final = 0.005
"""Share of a label's texts that both models together flag and that the gate alone may settle as clean."""

MARGIN: Final = 1.0
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
        parts: texts judged by both together, with the gate's own logits; each part is held to :data:`LOSS` by itself.
        bounds: logits of both together from which on labels are flagged.
    """
    below = _raised([_Part.of(both, gate, bounds) for both, gate in parts])
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
class _Part:
    """Texts that bounds are held to.

    Attributes:
        gate: the gate's logits, (texts, labels); where a label is not flagged in the text's role, -inf.
        found: of each label, the rows that have it and that both together flag, and how many of them may be lost.
        harmless: rows of harmless texts.
        weight: what each of those counts; all sources alike, together 1.
    """

    gate: Logits
    found: Sequence[tuple[Rows, int]]
    harmless: Rows
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, both: Judged, gate: Logits, bounds: Bounds) -> Self:
        counts = np.array(
            [[flagged_for(label, item.role) for label in SAFETY_LABELS] for item in both.examples]
        )
        found = []
        for column, label in enumerate(SAFETY_LABELS):
            having, _ = columns(both.examples, label)
            flagged = having[both.logits[having, column] >= bounds[label]]
            found.append((flagged, int(LOSS * len(having))))
        harmless = np.array(
            [row for row, item in enumerate(both.examples) if item.safe and item.known], np.int64
        )
        sources = [both.examples[row].source for row in harmless]
        weight = np.array([1 / sources.count(source) for source in sources], np.float64)
        return cls(np.where(counts, gate, -np.inf), found, harmless, weight / max(1, len(set(sources))))

    def spared(self, clear: Logits) -> bool:
        """Whether no more than may be is lost."""
        return all(int(_below(self.gate[rows], clear + MARGIN).sum()) <= most for rows, most in self.found)

    def settled(self, clear: Logits) -> float:
        """Share of the harmless texts that is settled as clean."""
        return float(_below(self.gate[self.harmless], clear) @ self.weight)


def _raised(parts: Sequence[_Part]) -> Logits:
    """Bounds of all labels: first those below which nothing of the label itself is lost, then raised one by one.

    Each time the bound is raised that gains most per level.
    """
    every = np.arange(len(SAFETY_LABELS))
    levels = np.stack([_levels(parts, column) for column in every], axis=1)
    place = np.array([np.searchsorted(levels[1:, column], _alone(parts, column)) for column in every])
    while True:
        settled = _settled(parts, levels[place, every])
        steps = [
            ((_settled(parts, levels[tried, every]) - settled) / stride, tried)
            for tried, stride in _higher(place)
            if _spared(parts, levels[tried, every])
        ]
        gain, best = max(steps, key=lambda step: step[0], default=(0.0, place))
        if gain <= 0:
            return levels[place, every]
        place = best


def _levels(parts: Sequence[_Part], column: int) -> Logits:
    """Bounds of a label that are tried: what part of the harmless texts lies below."""
    calm = np.concatenate([part.gate[part.harmless, column] for part in parts])
    calm = calm[np.isfinite(calm)]
    tried = np.quantile(calm, np.linspace(0, 1, _LEVELS)) if len(calm) else np.full(_LEVELS, -NEVER)
    return np.concatenate([[-NEVER], tried]).astype(np.float32)


def _alone(parts: Sequence[_Part], column: int) -> float:
    """The bound of a label below which no more than may be of its own texts lie, whatever the other bounds are."""
    found = []
    for part in parts:
        rows, most = part.found[column]
        lost = np.sort(part.gate[rows, column])
        found.append(float(lost[most]) - MARGIN if most < len(lost) else NEVER)
    return min(found, default=NEVER)


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


def _spared(parts: Sequence[_Part], clear: Logits) -> bool:
    return all(part.spared(clear) for part in parts)


def _settled(parts: Sequence[_Part], clear: Logits) -> float:
    return sum(part.settled(clear) for part in parts)


def _below(gate: Logits, clear: Logits) -> NDArray[np.bool_]:
    below: NDArray[np.bool_] = (gate < clear).all(axis=1)
    return below


def _sure(both: Judged, gate: Logits, column: int) -> float:
    """The gate's logit above which at most :data:`SURE` of the harmless texts lie."""
    _, lacking = columns(both.examples, SAFETY_LABELS[column])
    return float(np.quantile(gate[lacking, column], 1 - SURE)) if len(lacking) else -NEVER

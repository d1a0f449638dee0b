"""What the gate's word and the encoder's count beside each other: logistic regression per label on both logits.

It is fitted to texts of sources that neither saw (stacking, Wolpert 1992), since there the two err differently; rows of
their own sources count as well, for labels that have no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime_guard.readers.interface import SAFETY_LABELS, flagged_for
from runtime_guard.training.example import Example

LEAST: Final = 0.15
"""What each model counts at least."""

STEPS: Final = 200
RIDGE: Final = 0.05
"""Pull towards half and half."""

Logits = NDArray[np.float32]


def fit_mix(examples: Sequence[Example], gate: Logits, encoder: Logits) -> Logits:
    """Weight of the gate, of the encoder, and an offset per safety label, (labels, 3).

    Args:
        examples: texts that both judged.
        gate: its calibrated logits, (texts, labels).
        encoder: likewise.
    """
    found = np.tile(np.array([0.5, 0.5, 0.0], np.float32), (len(SAFETY_LABELS), 1))
    for column, label in enumerate(SAFETY_LABELS):
        rows = [
            row for row, item in enumerate(examples) if label in item.known and flagged_for(label, item.role)
        ]
        values = np.array([examples[row].known[label] for row in rows], np.float64)
        if values.sum() >= 20 and (1 - values).sum() >= 20:
            pair = np.stack([gate[rows, column], encoder[rows, column]], axis=1).astype(np.float64)
            found[column] = _regression(pair, values, _balance(examples, rows, values))
    return found


def mixed(mix: Logits, gate: Logits, encoder: Logits) -> Logits:
    """The logits of both together, (texts, labels)."""
    count = len(SAFETY_LABELS)
    both: Logits = gate[:, :count] * mix[:, 0] + encoder[:, :count] * mix[:, 1] + mix[:, 2]
    return both


def _balance(
    examples: Sequence[Example], rows: Sequence[int], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights with which both classes count alike, and within each every source alike."""
    groups = [(examples[row].source, value) for row, value in zip(rows, values, strict=True)]
    sizes: dict[tuple[str, float], int] = {}
    for group in groups:
        sizes[group] = sizes.get(group, 0) + 1
    sources = {side: len({source for source, value in sizes if value == side}) for side in (0.0, 1.0)}
    return np.array([1 / (2 * sources[value] * sizes[source, value]) for source, value in groups])


def _regression(
    pair: NDArray[np.float64], values: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Newton's method with a ridge, each weight held at or above :data:`LEAST`."""
    start = np.array([0.5, 0.5, 0.0])
    design = np.column_stack([np.clip(pair, -12, 12), np.ones(len(pair))])
    ridge = np.diag([RIDGE, RIDGE, 1e-6])
    found = start.copy()
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        slope = design.T @ (weight * (chance - values)) + ridge @ (found - start)
        curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design + ridge
        step = np.clip(np.linalg.solve(curvature, slope), -0.5, 0.5)
        found = found - step
        found[:2] = np.maximum(found[:2], LEAST)
        if np.abs(step).max() < 1e-7:
            break
    return found

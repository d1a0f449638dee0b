"""Figures: area under the ROC curve, recall at a false-positive rate, thresholds, Platt calibration."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]


def auroc(positive: Scores, negative: Scores) -> float:
    """Chance that a positive scores above a negative, ties counting half (Mann-Whitney)."""
    if not len(positive) or not len(negative):
        return float("nan")
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    upto = np.searchsorted(ordered, positive, "right")
    return float((below + upto).mean() / 2 / len(negative))


def threshold_at(negative: Scores, rate: float) -> float:
    """The smallest score above which at most ``rate`` of the negatives lie; -inf when there are none."""
    if not len(negative):
        return -math.inf
    ordered = np.sort(negative)[::-1]
    allowed = int(rate * len(ordered))
    return float(np.nextafter(ordered[min(allowed, len(ordered) - 1)], np.inf))


def recall_at(positive: Scores, negative: Scores, rate: float) -> float:
    """Share of positives found where at most ``rate`` of the negatives are."""
    return float((positive >= threshold_at(negative, rate)).mean()) if len(positive) else float("nan")


def platt(logits: Scores, values: Scores, steps: int = 100) -> tuple[float, float]:
    """Slope and offset that make ``sigmoid(slope * logit + offset)`` a probability (Platt 1999, with his targets).

    Newton's method on two parameters; classes count alike, so that the mix of the sources does not matter.
    """
    ones, zeros = values.sum(), (1 - values).sum()
    if not ones or not zeros:
        return 1.0, 0.0
    goal = np.where(values > 0, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    weight = np.where(values > 0, 0.5 / ones, 0.5 / zeros)
    design = np.stack([logits, np.ones_like(logits)])
    found = np.array([1.0, 0.0])
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-np.clip(found @ design, -30, 30)))
        gradient = design @ (weight * (chance - goal))
        curvature = (design * (weight * chance * (1 - chance))) @ design.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        found = found - np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    return float(max(found[0], 0.05)), float(found[1])

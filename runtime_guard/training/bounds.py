"""Where labels are flagged: how much harmless text may be, of all there is and of any one kind of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime_guard.judge import SAFETY_LABELS, flagged_for
from runtime_guard.options import Rate
from runtime_guard.training.example import Example
from runtime_guard.training.measure import threshold_at
from runtime_guard.training.tables import Judged, columns

SHIPPED: Final[Mapping[Rate, float]] = {"5%": 0.05, "1%": 0.01, "0.1%": 0.001}
"""Harmless texts that have a label at the bounds that ship, the widest first."""

OF_ANY_KIND: Final = 0.05
"""Texts of one harmless source, left out of fitting, that have any label at the bounds that ship but the widest."""

Bounds = dict[str, float]


def shared_bounds(own: Judged, strange: Judged) -> dict[Rate, Bounds]:
    """Per rate, logits from which on labels are flagged: so many harmless texts of own and of strange sources.

    The average hides texts that look harmful and are not: posts against hate, plays, security. So bounds that allow
    less than :data:`OF_ANY_KIND` of all are raised until no strange source has more than that. What is flagged at one
    rate is flagged at every wider one.
    """
    found: dict[Rate, Bounds] = {}
    wider = dict.fromkeys(SAFETY_LABELS, -math.inf)
    for rate, share in SHIPPED.items():
        first, second = (_bounds_at(part.examples, part.logits, share) for part in (own, strange))
        bounds = {label: max(wider[label], first[label], second[label]) for label in SAFETY_LABELS}
        found[rate] = wider = spared(strange, bounds, OF_ANY_KIND) if share < OF_ANY_KIND else bounds
    return found


def spared(judged: Judged, bounds: Mapping[str, float], most: float) -> Bounds:
    """Bounds at or above those given, at which no harmless source has more than a share of its texts flagged.

    Of the source that has most, the text is spared next that costs least of what is found, and of those that cost the
    same the one that is least above the bounds.
    """
    sources = list(harmless(judged.examples, judged.logits).values())
    having = [
        np.sort(judged.logits[columns(judged.examples, label)[0], column].astype(np.float64))
        for column, label in enumerate(SAFETY_LABELS)
    ]
    raised = np.array([bounds[label] for label in SAFETY_LABELS])
    while True:
        flagged = [own[np.any(own >= raised, axis=1)] for own in sources]
        excess = [
            (len(part) - int(most * len(own))) / len(own) for own, part in zip(sources, flagged, strict=True)
        ]
        if max(excess, default=0) <= 0:
            return dict(zip(SAFETY_LABELS, raised.tolist(), strict=True))
        worst = flagged[int(np.argmax(excess))]
        cost = np.sum(
            [_lost(found, raised[column], worst[:, column]) for column, found in enumerate(having)], axis=0
        )
        least = worst[np.lexsort((np.fmax(worst - raised, 0).sum(1), cost))[0]]
        raised = np.where(least >= raised, np.nextafter(least, np.inf), raised)


def _lost(having: NDArray[np.float64], bound: float, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of a label's texts that are not found any more when its bound is raised above each of some logits."""
    upto = np.searchsorted(having, np.where(logits >= bound, logits, -np.inf), "right")
    lost: NDArray[np.float64] = np.maximum(upto - np.searchsorted(having, bound), 0) / max(1, len(having))
    return lost


def harmless(examples: Sequence[Example], logits: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """Logits of the harmless texts of each source, (texts, labels), NaN for labels that they are not flagged for.

    Texts of which little is known are left out.
    """
    rows: dict[str, list[NDArray[np.float64]]] = {}
    for row, example in enumerate(examples):
        if example.safe and len(example.known) >= len(SAFETY_LABELS) // 2:
            counts = [
                flagged_for(label, example.role) and example.known.get(label) == 0 for label in SAFETY_LABELS
            ]
            own = logits[row, : len(SAFETY_LABELS)].astype(np.float64)
            rows.setdefault(example.source, []).append(np.where(counts, own, np.nan))
    return {source: np.stack(found) for source, found in sorted(rows.items())}


def flagged_share(
    examples: Sequence[Example], logits: NDArray[np.float32], bounds: Mapping[str, float]
) -> dict[str, tuple[int, float]]:
    """Per source, how many harmless texts it has, and the share of them in which any label is over its bound."""
    least = np.array([bounds[label] for label in SAFETY_LABELS])
    return {
        source: (len(found), float((found >= least).any(1).mean()))
        for source, found in harmless(examples, logits).items()
    }


def _bounds_at(examples: Sequence[Example], logits: NDArray[np.float32], rate: float) -> Bounds:
    """Per safety label, the logit above which at most ``rate`` of the harmless texts lie; -inf without any."""
    return {
        label: threshold_at(logits[columns(examples, label)[1], column].astype(np.float64), rate)
        for column, label in enumerate(SAFETY_LABELS)
    }

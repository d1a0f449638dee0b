"""Where labels are flagged: how much harmless text may be, of all there is and of any one kind of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime_guard.choices import Rate
from runtime_guard.readers.interface import SAFETY_LABELS, flagged_for
from runtime_guard.training.example import Example
from runtime_guard.training.generate import PREFIX
from runtime_guard.training.manuals import TECHNICAL
from runtime_guard.training.measure import threshold_at
from runtime_guard.training.tables import Judged, columns

SHIPPED: Final[Mapping[Rate, float]] = {"5%": 0.05, "1%": 0.01, "0.1%": 0.001}
"""Harmless texts that have a label at the bounds that ship, the widest first."""

OF_ANY_KIND: Final = 0.05
"""Texts of one harmless source, left out of fitting, that have any label at the bounds that ship but the widest."""

LOOK_ALIKE: Final = 2
"""How many times as many generated texts may be flagged as harmless texts of labelled sources."""

Bounds = dict[str, float]
Logits = NDArray[np.float64]


def shared_bounds(own: Judged, strange: Judged) -> dict[Rate, Bounds]:
    """Per rate, logits from which on labels are flagged: so many harmless texts of own and of strange sources.

    Generated texts look like harm on purpose; of these it may be :data:`LOOK_ALIKE` times as many. The average hides
    texts that look harmful and are not: posts against hate, plays, security. So bounds that allow less than
    :data:`OF_ANY_KIND` of all are raised until no strange source has more than that. What is flagged at one rate is
    flagged at every wider one.

    Technical text counts as strange where it is of files and packages that were kept out of fitting: a fold leaves out
    a whole kind of it, which what ships has learned.
    """
    real, made = _of(own, lambda item: not _is_made(item)), _of(own, _is_made)
    strange = _together(_of(strange, lambda item: not _is_technical(item)), _of(own, _is_technical))
    shipped: dict[Rate, Bounds] = {}
    wider = dict.fromkeys(SAFETY_LABELS, -math.inf)
    for rate, share in SHIPPED.items():
        parts = [(strange, share), (real, share), (made, min(LOOK_ALIKE * share, OF_ANY_KIND))]
        each = [wider, *(_bounds_at(part.examples, part.logits, most) for part, most in parts)]
        bounds = {label: max(found[label] for found in each) for label in SAFETY_LABELS}
        shipped[rate] = wider = spared(strange, bounds, OF_ANY_KIND) if share < OF_ANY_KIND else bounds
    return shipped


def spared(judged: Judged, bounds: Mapping[str, float], most: float) -> Bounds:
    """Bounds at or above those given, at which no harmless source has more than a share of its texts flagged.

    One bound is raised at a time: the one, and so far, that spares most texts for what it costs of what is found.
    """
    sources = list(harmless(judged.examples, judged.logits).values())
    having = [
        judged.logits[columns(judged.examples, label)[0], column].astype(np.float64)
        for column, label in enumerate(SAFETY_LABELS)
    ]
    raised = np.array([bounds[label] for label in SAFETY_LABELS])
    while over := list(_over(sources, raised, most)):
        steps, before = list(_steps(over, raised)), raised
        raised = max(steps, key=lambda step: _worth(over, having, before, step))
    return dict(zip(SAFETY_LABELS, raised.tolist(), strict=True))


def _over(sources: Sequence[Logits], bounds: Logits, most: float) -> Iterator[tuple[Logits, int]]:
    """Of sources with too many flagged texts, those texts, and how many are too many."""
    for own in sources:
        flagged = own[np.any(own >= bounds, axis=1)]
        excess = len(flagged) - int(most * len(own))
        if excess > 0:
            yield flagged, excess


def _steps(over: Sequence[tuple[Logits, int]], bounds: Logits) -> Iterator[Logits]:
    """Bounds of which some are raised to just above a flagged text: all that it is over, or one of them."""
    for text in np.concatenate([flagged for flagged, _ in over]):
        above = np.nextafter(text, np.inf)
        yield np.where(text >= bounds, above, bounds)
        for column in np.flatnonzero(text >= bounds):
            yield np.where(np.arange(len(bounds)) == column, above, bounds)


def _worth(
    over: Sequence[tuple[Logits, int]], having: Sequence[Logits], bounds: Logits, step: Logits
) -> float:
    """Texts that a step spares, no more of a source than are too many, for each that is not found any more."""
    spares = sum(min(excess, int(np.sum(~np.any(flagged >= step, axis=1)))) for flagged, excess in over)
    costs = sum(
        int(np.sum((found >= low) & (found < high)))
        for found, low, high in zip(having, bounds, step, strict=True)
    )
    return spares / (costs + 1)


def _is_made(item: Example) -> bool:
    return item.source.startswith(PREFIX)


def _is_technical(item: Example) -> bool:
    return item.source in TECHNICAL


def _of(judged: Judged, counts: Callable[[Example], bool]) -> Judged:
    """The texts that count."""
    rows = [row for row, item in enumerate(judged.examples) if counts(item)]
    return Judged([judged.examples[row] for row in rows], judged.logits[rows])


def _together(left: Judged, right: Judged) -> Judged:
    return Judged([*left.examples, *right.examples], np.concatenate([left.logits, right.logits]))


def harmless(examples: Sequence[Example], logits: NDArray[np.float32]) -> dict[str, Logits]:
    """Logits of the harmless texts of each source, (texts, labels), NaN for labels that they are not flagged for.

    Texts of which little is known are left out.
    """
    rows: dict[str, list[Logits]] = {}
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

"""Tables of figures: per label and source, against all harmless text, each row judged by a model that never saw it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime_guard.readers.interface import SAFETY_LABELS, flagged_for
from runtime_guard.training.example import OUTPUTS, Example
from runtime_guard.training.measure import auroc, platt, recall_at

RATES: Final = (0.01, 0.05)
"""False-positive rates at which recall is stated."""


@dataclass(frozen=True)
class Judged:
    """Texts with the calibrated logits of a model that never saw them, (texts, outputs)."""

    examples: Sequence[Example]
    logits: NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """How well a label is found in a source.

    Attributes:
        label, source: what and where.
        count: texts that have the label.
        auroc: against all harmless text.
        recall: at each of :data:`RATES`.
    """

    label: str
    source: str
    count: int
    auroc: float
    recall: tuple[float, ...]


def columns(examples: Sequence[Example], label: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the texts that have a label, and of those known not to, in roles that it is flagged for."""
    fitting = [
        (index, example.known[label])
        for index, example in enumerate(examples)
        if label in example.known and flagged_for(label, example.role)
    ]
    having = np.array([index for index, value in fitting if value], dtype=np.int64)
    lacking = np.array([index for index, value in fitting if not value], dtype=np.int64)
    return having, lacking


def found(examples: Sequence[Example], logits: NDArray[np.float32]) -> Iterator[Found]:
    """One row per label and source that has it, and one over all its sources."""
    for column, label in enumerate(SAFETY_LABELS):
        having, lacking = columns(examples, label)
        if not len(having) or not len(lacking):
            continue
        scores = logits[:, column].astype(np.float64)
        sources = {examples[index].source for index in having}
        for source in sorted(sources):
            yield _row(
                label, source, scores[[i for i in having if examples[i].source == source]], scores[lacking]
            )
        if len(sources) > 1:
            yield _row(label, "all", scores[having], scores[lacking])


def calibration(
    examples: Sequence[Example], logits: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Slope and offset per output, from texts kept out of fitting."""
    slopes, offsets = np.ones(len(OUTPUTS), np.float32), np.zeros(len(OUTPUTS), np.float32)
    for column, label in enumerate(OUTPUTS[: logits.shape[1]]):
        known = [index for index, example in enumerate(examples) if label in example.known]
        values = np.array([examples[index].known[label] for index in known], dtype=np.float64)
        slopes[column], offsets[column] = platt(logits[known, column].astype(np.float64), values)
    return slopes[: logits.shape[1]], offsets[: logits.shape[1]]


def markdown(rows: Sequence[Found]) -> str:
    """The rows as a table."""
    head = "| label | source | texts | AUROC | recall at 1 % | recall at 5 % |\n|---|---|---|---|---|---|\n"
    return head + "".join(
        f"| {row.label} | {row.source} | {row.count} | {row.auroc:.3f} | "
        f"{' | '.join(f'{value:.2f}' for value in row.recall)} |\n"
        for row in rows
    )


def markdown_beside(systems: Mapping[str, Sequence[Found]]) -> str:
    """The rows of several systems side by side: area under the curve and recall at the first of :data:`RATES`."""
    head = f"| label | source | texts | {' | '.join(systems)} |\n|---|---|---|{'---|' * len(systems)}\n"
    return head + "".join(
        f"| {rows[0].label} | {rows[0].source} | {rows[0].count} | "
        f"{' | '.join(f'{row.auroc:.3f}, {row.recall[0]:.2f}' for row in rows)} |\n"
        for rows in zip(*systems.values(), strict=True)
    )


def markdown_shares(shares: Mapping[str, tuple[int, float]], what: str = "flagged") -> str:
    """Shares of harmless texts as a table."""
    return markdown_shares_beside({what: shares})


def markdown_shares_beside(shares: Mapping[str, Mapping[str, tuple[int, float]]]) -> str:
    """Shares of the same harmless texts at several bounds as a table, one column for each."""
    first = next(iter(shares.values()))
    head = f"| harmless source | texts | {' | '.join(shares)} |\n|---|---|{'---|' * len(shares)}\n"
    return head + "".join(
        f"| {source} | {count} | {' | '.join(f'{found[source][1]:.1%}' for found in shares.values())} |\n"
        for source, (count, _) in first.items()
    )


def _row(label: str, source: str, positive: NDArray[np.float64], negative: NDArray[np.float64]) -> Found:
    recall = tuple(recall_at(positive, negative, rate) for rate in RATES)
    return Found(label, source, len(positive), auroc(positive, negative), recall)

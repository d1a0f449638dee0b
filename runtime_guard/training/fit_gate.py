"""Fit the gate: multi-label logistic regression over hashed n-grams, labels that are unknown left out of the loss."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from runtime_guard.gate.features import ROWS, Rows, parts
from runtime_guard.gate.model import ROLES
from runtime_guard.readers.interface import SAFETY_LABELS
from runtime_guard.training.example import OUTPUTS, Example
from runtime_guard.training.generate import SUBTLE

BIASES = 3
EPOCHS = 8
BATCH = 4096
RATE = 0.04
DECAY = 4e-6
DROPOUT = 0.15
"""Share of n-grams left out at random, so that no single phrase decides."""

SUBTLE_SHARE = 0.1
"""What a text counts that words do not tell apart: many of them teach n-grams to say nothing."""

MAX_WINDOWS = 6
"""Of one text, while fitting."""

WORST = 2
"""Windows of a long bad text that the second round learns from."""


@dataclass(frozen=True)
class Prepared:
    """Windows of examples as rows of the weight table.

    Attributes:
        rows: all rows, window after window.
        scales: what each counts: one over the square root of how many its window has of its kind.
        offsets: where each window begins, and the end.
        roles: row of the bias per window.
        owner: index of the example per window.
    """

    rows: NDArray[np.int32]
    scales: NDArray[np.float32]
    offsets: NDArray[np.int64]
    roles: NDArray[np.int64]
    owner: NDArray[np.int64]


@dataclass(frozen=True)
class FittedGate:
    """Weights: ``table`` is (:data:`ROWS`, outputs), ``bias`` is (roles, outputs); float32."""

    table: NDArray[np.float32]
    bias: NDArray[np.float32]

    def badness(self, text: str, example: Example) -> float:
        """The highest logit, of the labels that an example has, in any window of a part of its text."""
        columns = [column for column, label in enumerate(OUTPUTS) if example.known.get(label)]
        windows = [
            _scale(words) @ self.table[words] + _scale(characters) @ self.table[characters]
            for words, characters in parts(text)
        ]
        return float(np.max(windows, axis=0)[columns].max()) if columns else 0.0


def prepare(examples: Sequence[Example], most: int | None = None, seed: int = 0) -> Prepared:
    """Hash the windows of examples.

    Args:
        examples: what to hash.
        most: windows of one text, the first and others by chance; None for all.
        seed: of the choice.
    """
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    rows: list[Rows] = []
    scales: list[NDArray[np.float32]] = []
    sizes, roles, owner = [0], [], []
    for number, example in enumerate(examples):
        cut = list(parts(example.text))
        if most is not None and len(cut) > most:
            cut = [cut[0], *rng.sample(cut[1:], most - 1)]
        for words, characters in cut:
            rows += [words, characters]
            scales += [_scale(words), _scale(characters)]
            sizes.append(len(words) + len(characters))
            roles.append(ROLES[example.role])
            owner.append(number)
    return Prepared(
        np.concatenate(rows).astype(np.int32),
        np.concatenate(scales),
        np.cumsum(np.array(sizes, dtype=np.int64)),
        np.array(roles),
        np.array(owner),
    )


def _scale(rows: Rows) -> NDArray[np.float32]:
    return np.full(len(rows), 1 / np.sqrt(max(1, len(rows))), dtype=np.float32)


def targets(examples: Sequence[Example]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What is known: values 0 or 1, and the weight of each in the loss, 0 where unknown; (examples, outputs)."""
    values = np.zeros((len(examples), len(OUTPUTS)), np.float32)
    weights = np.zeros_like(values)
    for number, example in enumerate(examples):
        weight = example.weight * (SUBTLE_SHARE if example.source in SUBTLE else 1)
        for label, value in example.known.items():
            column = OUTPUTS.index(label)
            values[number, column] = value
            weights[number, column] = weight
    return values, weights


def fit_gate(examples: Sequence[Example], seed: int) -> FittedGate:
    """Weights fitted to examples, in two rounds; same input and seed, same weights.

    What is wrong with a long text stands in one of its windows, nobody says in which. The first round learns from
    texts of one window and from harmless ones; the second also from the windows that the first finds worst.
    """
    prepared = prepare(examples, MAX_WINDOWS)
    values, _ = targets(examples)
    alone = np.bincount(prepared.owner)[prepared.owner] == 1
    bad = (values[:, : len(SAFETY_LABELS)].max(axis=1) > 0)[prepared.owner]
    first = _fitted(prepared, examples, np.flatnonzero(alone | ~bad), seed, EPOCHS // 2)
    logits = _matrix(prepared) @ first.table
    worst = np.where(values[prepared.owner] > 0, logits, -np.inf)[:, : len(SAFETY_LABELS)].max(axis=1)
    order = np.lexsort((-worst, prepared.owner))
    place = np.arange(len(order)) - np.searchsorted(prepared.owner[order], prepared.owner[order])
    chosen = order[place < WORST]
    taught = np.union1d(np.flatnonzero(~bad), chosen)
    return _fitted(prepared, examples, taught, seed, EPOCHS)


def _fitted(
    prepared: Prepared, examples: Sequence[Example], taught: NDArray[np.int64], seed: int, epochs: int
) -> FittedGate:
    """Weights by Adam (Kingma and Ba 2015), from some of the windows."""
    generator = np.random.default_rng(seed)
    matrix, roles = _matrix(prepared), np.eye(BIASES, dtype=np.float32)[prepared.roles]
    values, weights = (part[prepared.owner] for part in targets(examples))
    model = [
        np.zeros((ROWS, len(OUTPUTS)), np.float32),
        np.full((BIASES, len(OUTPUTS)), -2.0, np.float32),
    ]
    moments = [(np.zeros_like(part), np.zeros_like(part)) for part in model]
    batches = [
        part
        for _ in range(epochs)
        for part in np.array_split(generator.permutation(taught), max(1, len(taught) // BATCH))
    ]
    for step, chosen in enumerate(batches, start=1):
        rows = matrix[chosen]
        rows.data *= (generator.random(len(rows.data), np.float32) > DROPOUT) / np.float32(1 - DROPOUT)
        chance = 1 / (1 + np.exp(-(rows @ model[0] + roles[chosen] @ model[1])))
        slope = ((chance - values[chosen]) * weights[chosen] / len(chosen)).astype(np.float32)
        gradients = [rows.T @ slope + DECAY * model[0], roles[chosen].T @ slope]
        rate = RATE * (1 - 0.98 * step / len(batches))
        for part, gradient, (mean, square) in zip(model, gradients, moments, strict=True):
            np.add(mean, 0.1 * (gradient - mean), out=mean)
            np.add(square, 0.01 * (gradient * gradient - square), out=square)
            scale = np.sqrt(square / (1 - 0.99**step)) + 1e-8
            np.subtract(part, rate / (1 - 0.9**step) * mean / scale, out=part)
    return FittedGate(*model)


def gate_logits(fitted: FittedGate, prepared: Prepared, examples: int) -> NDArray[np.float32]:
    """Per example the highest logit of its windows, (examples, outputs)."""
    result = np.full((examples, len(OUTPUTS)), -np.inf, dtype=np.float32)
    logits = _matrix(prepared) @ fitted.table + fitted.bias[prepared.roles]
    np.maximum.at(result, prepared.owner, logits)
    return result


def _matrix(prepared: Prepared) -> csr_matrix:
    """Windows as sparse rows."""
    return csr_matrix((prepared.scales, prepared.rows, prepared.offsets), shape=(len(prepared.roles), ROWS))

"""The gate's weights, and the scores they give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from govkernel.domain import Finding, strict_json
from govkernel.errors import ConfigError, InputError
from runtime_guard.choices import Rate
from runtime_guard.gate.features import ROWS, WORDS, Rows, canonical, hashed, pieces, windows
from runtime_guard.readers.interface import SAFETY_LABELS, Reading, flagged_for
from runtime_guard.shipped import shipped

NAME: Final = "gate"
WEIGHTS: Final = "gate.safetensors"
CONFIG: Final = "gate.json"
ROLES: Final[Mapping[str, int]] = {"user": 0, "system": 0, "tool": 1, "assistant": 2}
"""Row of the bias per role."""

Logits = NDArray[np.float32]

_WIDTH: Final = 16
"""Columns of the padded table."""

_TOGETHER: Final = 4
"""Windows whose rows are sorted and added up together."""


@dataclass(frozen=True)
class Gate:
    """Scores texts; safe to share between threads. Follows :class:`runtime_guard.readers.interface.Reader`.

    Attributes:
        table: int8, (:data:`ROWS`, outputs).
        scale: float32, (outputs,): what a unit of the table counts, calibration included.
        bias: float32, (3, outputs), by role.
        outputs: names of the outputs: safety labels, and ``entities``.
        bounds: per safety label, calibrated logit from which on it is flagged.
    """

    table: NDArray[np.int8]
    scale: Logits
    bias: Logits
    outputs: tuple[str, ...]
    bounds: Mapping[str, float]

    name = NAME
    labels = frozenset(SAFETY_LABELS)

    @classmethod
    def load(cls, rate: Rate = "1%") -> Self:
        """The gate that ships with the guard.

        Args:
            rate: how often a label may be flagged by mistake.

        Raises:
            ConfigError: ``model.unverified``, ``model.missing`` or ``model.malformed``.
        """
        return cls.from_files(shipped(NAME), rate)

    @classmethod
    def from_files(cls, content: Mapping[str, bytes], rate: Rate = "1%") -> Self:
        """A gate from the bytes of its files, already verified.

        Args:
            content: the files by name.
            rate: how often a label may be flagged by mistake.

        Raises:
            ConfigError: ``model.malformed``.
        """
        try:
            tensors = load(content[WEIGHTS])
            config: dict[str, Any] = strict_json.loads(content[CONFIG])
            outputs = tuple(config["outputs"])
            bounds = {label: float(config["bounds"][rate][label]) for label in SAFETY_LABELS}
            made = cls(tensors["table"], tensors["scale"], tensors["bias"], outputs, bounds)
        except (KeyError, TypeError, ValueError, SafetensorError, InputError) as error:
            raise _malformed(type(error).__name__) from None
        roles, count = len(set(ROLES.values())), len(outputs)
        if count >= _WIDTH or made.table.shape != (ROWS, count) or made.bias.shape != (roles, count):
            raise _malformed("Its tensors are of another shape.")
        return made

    def logits(self, text: str, role: str = "user") -> Logits:
        """Calibrated logits per output, the highest of the text's windows; float32, (outputs,)."""
        found = [self._highest(piece) for piece in pieces(canonical(text))]
        highest = found[0] if len(found) == 1 else np.max(found, axis=0)
        made: Logits = highest * self.scale + self.bias[ROLES[role]]
        return made

    def glance(self, text: str, role: str) -> Reading:
        """Scores and flags: the gate has one look at a text."""
        return self.reading(self.logits(text, role), role)

    def read(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading]:
        """:meth:`glance` for each."""
        return [self.glance(text, role) for text, role in zip(texts, roles, strict=True)]

    def detect(self, text: str, role: str) -> list[Finding]:
        """A finding about the whole text for every label over its bound."""
        return self.glance(text, role).as_findings()

    def reading(self, logits: Logits, role: str) -> Reading:
        """What logits mean for a text of a role."""
        return made_of(dict(zip(self.outputs, logits.tolist(), strict=True)), self.bounds, role, NAME)

    def _highest(self, piece: str) -> Logits:
        """The highest sums of a piece's windows."""
        made = hashed(piece)
        count = len(windows(made.length))
        found = [self._summed(made.sorted_rows(first, _TOGETHER)) for first in range(0, count, _TOGETHER)]
        sums = found[0] if len(found) == 1 else np.concatenate(found)
        width = len(self.outputs)
        means = sums[..., :width] / np.sqrt(np.maximum(sums[..., width, np.newaxis], 1))
        highest: Logits = means.astype(np.float32).sum(axis=1).max(axis=0)
        return highest

    def _summed(self, rows: Rows) -> NDArray[np.float64]:
        """Sums of the padded table's rows, each once: of words and of runs, (windows, 2, columns).

        They are sums of whole numbers below 2**24, so exact.

        Args:
            rows: (windows, n-grams), sorted.
        """
        counts = np.empty((len(rows), 2, rows.shape[1]), np.float32)
        runs, words = counts[:, 1], counts[:, 0]
        runs[:, 0] = 1
        runs[:, 1:] = rows[:, 1:] != rows[:, :-1]
        np.multiply(runs, rows >= WORDS, out=words)
        runs -= words
        found = self._padded.take(rows).view(np.int8).reshape(*rows.shape, _WIDTH)
        return (counts @ found.astype(np.float32)).astype(np.float64)

    @cached_property
    def _padded(self) -> NDArray[np.void]:
        """The table with a column that counts and a row that does not, each row as one item of sixteen bytes."""
        padded = np.zeros((ROWS + 1, _WIDTH), np.int8)
        padded[:ROWS, : len(self.outputs)] = self.table
        padded[:ROWS, len(self.outputs)] = 1
        return padded.view(f"V{_WIDTH}").ravel()


def made_of(values: Mapping[str, float], bounds: Mapping[str, float], role: str, by: str) -> Reading:
    """The reading of calibrated logits per label.

    Args:
        values: logits; labels that are not in ``bounds`` are passed over.
        bounds: per label, the logit from which on it is flagged.
        role: who wrote the text.
        by: who judged it.
    """
    flagged = (
        label for label, bound in bounds.items() if values[label] >= bound and flagged_for(label, role)
    )
    return Reading({label: chance(values[label]) for label in bounds}, frozenset(flagged), by=by)


def chance(logit: float) -> float:
    """A logit as a score from 0 to 1; beyond 30 either way it is as good as certain."""
    return 1 / (1 + math.exp(-logit if -30 <= logit <= 30 else math.copysign(30, -logit)))


def _malformed(why: str) -> ConfigError:
    return ConfigError(
        "model.malformed", "The gate's files do not make a gate.", why=why, remedy="Install govkernel anew."
    )

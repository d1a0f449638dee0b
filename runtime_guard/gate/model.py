"""The gate's weights, and the scores they give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from govkernel.domain import Finding, strict_json
from govkernel.errors import ConfigError, InputError
from runtime_guard.gate.features import ROWS, Rows, parts
from runtime_guard.judge import SAFETY_LABELS, Reading, flagged_for
from runtime_guard.options import Rate
from runtime_guard.shipped import shipped

NAME: Final = "gate"
WEIGHTS: Final = "gate.safetensors"
CONFIG: Final = "gate.json"
ROLES: Final[Mapping[str, int]] = {"user": 0, "system": 0, "tool": 1, "assistant": 2}
"""Row of the bias per role."""

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Gate:
    """Scores texts; safe to share between threads. Follows :class:`runtime_guard.judge.Reader`.

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
        if made.table.shape != (ROWS, len(outputs)) or made.bias.shape != (
            len(set(ROLES.values())),
            len(outputs),
        ):
            raise _malformed("Its tensors are of another shape.")
        return made

    def logits(self, text: str, role: str = "user") -> Logits:
        """Calibrated logits per output, the highest of the text's windows; float32, (outputs,)."""
        windows = [self._sum(words) + self._sum(characters) for words, characters in parts(text)]
        highest = windows[0] if len(windows) == 1 else np.max(windows, axis=0)
        found: Logits = highest * self.scale + self.bias[ROLES[role]]
        return found

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

    def _sum(self, rows: Rows) -> Logits:
        if not len(rows):
            return np.zeros(len(self.outputs), np.float32)
        total = self.table.take(rows, axis=0).sum(axis=0, dtype=np.int32)
        mean: Logits = (total / math.sqrt(len(rows))).astype(np.float32)
        return mean


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
    """A logit as a score from 0 to 1."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


def _malformed(why: str) -> ConfigError:
    return ConfigError(
        "model.malformed", "The gate's files do not make a gate.", why=why, remedy="Install govkernel anew."
    )

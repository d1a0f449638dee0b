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
from runtime_guard.gate.features import ROWS, canonical, features, windows
from runtime_guard.judge import SAFETY_LABELS, flagged_for
from runtime_guard.shipped import shipped

NAME: Final = "gate"
WEIGHTS: Final = "gate.safetensors"
CONFIG: Final = "gate.json"
ROLES: Final[Mapping[str, int]] = {"user": 0, "system": 0, "tool": 1, "assistant": 2}
"""Row of the bias per role."""


@dataclass(frozen=True)
class Gate:
    """Scores texts; safe to share between threads. Follows :class:`runtime_guard.judge.Judge`.

    Attributes:
        table: int8, (:data:`ROWS`, outputs).
        scale: float32, (outputs,): what a unit of the table counts, calibration included.
        bias: float32, (3, outputs), by role.
        outputs: names of the outputs: safety labels, and ``entities``.
        thresholds: calibrated score from which on a label is flagged.
        clear: per label, logit below which a text is settled as clean; see the cascade.
        certain: per label, logit above which it is settled as the label's.
    """

    table: NDArray[np.int8]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    outputs: tuple[str, ...]
    thresholds: Mapping[str, float]
    clear: Mapping[str, float]
    certain: Mapping[str, float]

    name = NAME
    labels = frozenset(SAFETY_LABELS)

    @classmethod
    def load(cls) -> Self:
        """The gate that ships with the guard.

        Raises:
            ConfigError: ``model.unverified``, ``model.missing`` or ``model.malformed``.
        """
        return cls.read(shipped(NAME))

    @classmethod
    def read(cls, content: Mapping[str, bytes]) -> Self:
        """A gate from the bytes of its files, already verified.

        Raises:
            ConfigError: ``model.malformed``.
        """
        try:
            tensors = load(content[WEIGHTS])
            config: dict[str, Any] = strict_json.loads(content[CONFIG])
            outputs = tuple(config["outputs"])
            made = cls(
                tensors["table"],
                tensors["scale"],
                tensors["bias"],
                outputs,
                *({name: float(config[part][name]) for name in names}
                  for part, names in (("thresholds", SAFETY_LABELS), ("clear", outputs), ("certain", outputs))),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, SafetensorError, InputError) as error:
            raise _malformed(type(error).__name__) from None
        if made.table.shape != (ROWS, len(outputs)) or made.bias.shape != (3, len(outputs)):
            raise _malformed("Its tensors are of another shape.")
        return made

    def logits(self, text: str, role: str = "user") -> NDArray[np.float32]:
        """Calibrated logits per output, the highest of the text's windows; float32, (outputs,)."""
        bias = self.bias[ROLES[role]]
        cut = windows(canonical(text))
        found: NDArray[np.float32] = np.max([self._window(window) for window in cut], axis=0) + bias
        return found

    def judge(self, texts: Sequence[str], roles: Sequence[str]) -> list[dict[str, float]]:
        """Calibrated scores per text and safety label."""
        return [self.scores(self.logits(text, role)) for text, role in zip(texts, roles, strict=True)]

    def scores(self, logits: NDArray[np.float32]) -> dict[str, float]:
        """Logits of one text as scores per safety label."""
        return {
            label: 1 / (1 + math.exp(-max(-30.0, min(30.0, float(logits[column])))))
            for column, label in enumerate(self.outputs)
            if label in self.labels
        }

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        """A finding about the whole text for every label over its threshold."""
        scores = self.scores(self.logits(text, role))
        return [
            Finding(label=label, score=score, detector=NAME)
            for label, score in scores.items()
            if score >= self.thresholds[label] and flagged_for(label, role)
        ]

    def _window(self, window: str) -> NDArray[np.float32]:
        words, characters = features(window)
        summed: NDArray[np.float32] = self._sum(words) + self._sum(characters)
        return summed * self.scale

    def _sum(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        if not len(rows):
            return np.zeros(len(self.outputs), np.float32)
        total = self.table.take(rows, axis=0).sum(axis=0, dtype=np.int32)
        mean: NDArray[np.float32] = (total / math.sqrt(len(rows))).astype(np.float32)
        return mean


def _malformed(why: str) -> ConfigError:
    return ConfigError(
        "model.malformed", "The gate's files do not make a gate.", why=why, remedy="Install govkernel anew."
    )

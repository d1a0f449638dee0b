"""The gate first, the encoder where the gate is in doubt: docs/adr/0019-gate-and-encoder.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from govkernel.domain import Finding
from runtime_guard.encoder.guard import Encoded, GuardEncoder
from runtime_guard.encoder.tags import ENTITIES
from runtime_guard.gate.model import Gate, made_of
from runtime_guard.readers.interface import SAFETY_LABELS, Reading, flagged_for

NAME: Final = "encoder"
NAMES: Final = "entities"
"""Output of the gate: whether the encoder may find personal data."""

Logits = NDArray[np.float32]


class Cascade:
    """Both models that ship with the guard, as one; follows :class:`runtime_guard.readers.interface.Reader`.

    Args:
        gate: judges in microseconds.
        encoder: judges better, and finds names and places.
        always: ask the encoder about every text.
    """

    name = NAME
    labels = frozenset({*SAFETY_LABELS, *ENTITIES})

    def __init__(self, gate: Gate, encoder: GuardEncoder, *, always: bool = False) -> None:
        self._gate = gate
        self._encoder = encoder
        self._always = always

    @property
    def degraded(self) -> bool:
        """Whether the encoder has left its GPU."""
        return self._encoder.engine.degraded

    def glance(self, text: str, role: str) -> Reading:
        """What the gate says; settled where it is not in doubt."""
        logits = self._gate.logits(text, role)
        reading = self._gate.reading(logits, role)
        scores = self._reading(logits, logits, role).scores  # on the scale of the texts that both have judged
        doubtful = self._always or self._doubts(logits, role) or self._may_name(text, logits)
        return Reading(scores, reading.flagged, settled=not doubtful, by=reading.by)

    def read(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading]:
        """What both say."""
        encoded = self._encoder.encode(texts, roles)
        return [self._both(text, role, item) for text, role, item in zip(texts, roles, encoded, strict=True)]

    def detect(self, text: str, role: str) -> list[Finding]:
        """What both say of one text, as findings."""
        return self.read([text], [role])[0].as_findings()

    def _doubts(self, logits: Logits, role: str) -> bool:
        """Whether the encoder may see otherwise what the gate says of a text's safety."""
        values = dict(zip(self._gate.outputs, logits.tolist(), strict=True))
        clear, certain = self._encoder.clear, self._encoder.certain
        return any(
            clear[label] < values[label] < certain[label]
            for label in SAFETY_LABELS
            if flagged_for(label, role)
        )

    def _may_name(self, text: str, logits: Logits) -> bool:
        """Whether the encoder may find personal data."""
        known = float(logits[self._gate.outputs.index(NAMES)]) < self._encoder.clear[NAMES]
        return not known and not self._encoder.plain.fits(text)

    def _both(self, text: str, role: str, encoded: Encoded) -> Reading:
        made = self._reading(self._gate.logits(text, role), encoded.logits, role)
        spans = [
            Finding(label=entity, start=start, end=end, score=score, detector=NAME)
            for start, end, entity, score in encoded.spans
        ]
        return Reading(made.scores, made.flagged, spans, by=NAME)

    def _reading(self, gate: Logits, encoder: Logits, role: str) -> Reading:
        """Logistic regression on both, per label."""
        count = len(SAFETY_LABELS)
        mixed = gate[:count] * self._encoder.mix[:, 0] + encoder[:count] * self._encoder.mix[:, 1]
        values = dict(zip(SAFETY_LABELS, (mixed + self._encoder.mix[:, 2]).tolist(), strict=True))
        return made_of(values, self._encoder.bounds, role, NAME)

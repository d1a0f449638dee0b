"""What is learned from: a text, who wrote it, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from runtime_guard.readers.interface import SAFETY_LABELS

ENTITIES: Final = "entities"
"""Internal output of the gate: whether the encoder's token head may find something."""

OUTPUTS: Final = (*SAFETY_LABELS, ENTITIES)


@dataclass(frozen=True)
class Example:
    """A labelled text.

    Attributes:
        text: the text.
        role: ``user``, ``tool`` or ``assistant``.
        source: where it comes from; sources are left out as a whole.
        known: 0 or 1 for every label that the source annotates; the rest is not taught.
        weight: in the loss; below 1 for noisy labels.
        validation: kept out of fitting, for calibration and thresholds.
    """

    text: str
    role: str
    source: str
    known: Mapping[str, int] = field(default_factory=dict)
    weight: float = 1.0
    validation: bool = False

    @property
    def safe(self) -> bool:
        """Whether nothing known about it is bad."""
        return not any(value for label, value in self.known.items() if label != ENTITIES)

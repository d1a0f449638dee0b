"""What a detector may do beyond :class:`govkernel.hookspecs.Detector`: look at many texts at once, or go on in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

from govkernel.domain import Finding

ROLES: Final = frozenset({"system", "user", "tool", "assistant"})
"""Who can write a text."""

SAFETY_LABELS: Final = (
    "prompt_injection",
    "jailbreak",
    "harmful_request",
    "harmful_response",
    "hate",
    "harassment",
    "violence",
    "self_harm",
    "sexual",
)
"""What a message as a whole can be, in the order of the models' outputs."""


@runtime_checkable
class Judge(Protocol):
    """Says how likely each label is for a message as a whole.

    Attributes:
        name: as for any detector.
        labels: labels it scores.
        thresholds: per label, the calibrated score from which on it is flagged.
    """

    name: str
    labels: frozenset[str]
    thresholds: Mapping[str, float]

    def judge(self, texts: Sequence[str], roles: Sequence[str]) -> Sequence[Mapping[str, float]]:
        """Calibrated scores, 0 to 1, per text and label.

        Args:
            texts: of any length.
            roles: as many, who wrote each: ``system``, ``user``, ``tool`` or ``assistant``.
        """


@runtime_checkable
class BatchDetector(Protocol):
    """Finds spans in many texts at less cost than one by one."""

    name: str
    labels: frozenset[str]

    def detect_many(self, texts: Sequence[str]) -> Sequence[Sequence[Finding]]:
        """Findings per text."""


@runtime_checkable
class Resuming(Protocol):
    """Saves itself the work on a part of a text that it has seen before."""

    def detect_since(self, text: str, role: str, since: int) -> Sequence[Finding]:
        """Findings that end behind ``since``; all others may be missing."""


_OF_ANSWERS: Final = frozenset({"harmful_response"})
_OF_ORDERS: Final = frozenset({"prompt_injection", "jailbreak", "harmful_request"})


def flagged_for(label: str, role: str) -> bool:
    """Whether a label can be true of what a role writes.

    Only an answer can be a harmful answer, and it asks for nothing; the application may tell its model what it likes.
    """
    if label in _OF_ANSWERS:
        return role == "assistant"
    return label not in _OF_ORDERS or role in ("user", "tool")

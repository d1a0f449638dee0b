"""What a detector may do beyond :class:`govkernel.hookspecs.Detector`: read a text as a whole, or go on in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Reading:
    """What was made of a text.

    Attributes:
        scores: calibrated, 0 to 1, per label.
        flagged: labels over their thresholds that a text of its role can have.
        findings: spans.
        settled: whether a closer look would not be worth it.
        by: name of the detector that said so.
    """

    scores: Mapping[str, float] = field(default_factory=dict)
    flagged: frozenset[str] = frozenset()
    findings: Sequence[Finding] = ()
    settled: bool = True
    by: str = ""

    def as_findings(self) -> list[Finding]:
        """What was flagged, as findings about the whole text, and the spans."""
        whole = [
            Finding(label=label, score=self.scores[label], detector=self.by) for label in sorted(self.flagged)
        ]
        return [*whole, *self.findings]


@dataclass(frozen=True)
class Unread:
    """A text that a model could make nothing of, e.g. because its verdict is none; its neighbours are not at fault.

    Attributes:
        why: what went wrong; never the text.
    """

    why: str


@runtime_checkable
class Reader(Protocol):
    """Reads messages as a whole: scores labels, finds spans that have no pattern.

    Attributes:
        name: as for any detector.
        labels: everything it may say.
    """

    name: str
    labels: frozenset[str]

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        """:meth:`read` for one text, as any detector answers."""

    def glance(self, text: str, role: str) -> Reading:
        """What can be said at once, in microseconds; not settled where :meth:`read` should be asked.

        A reader that can say nothing at once returns a reading that is not settled and ``by`` nobody; such a one never
        stands in for :meth:`read`.

        Args:
            text: of any length.
            role: who wrote it: ``system``, ``user``, ``tool`` or ``assistant``.
        """

    def read(self, texts: Sequence[str], roles: Sequence[str]) -> Sequence[Reading | Unread]:
        """What the texts are, each settled; may take milliseconds a text.

        Args:
            texts: of any length.
            roles: as many.
        """


@runtime_checkable
class Degradable(Protocol):
    """A model that goes on on the CPU when its GPU fails."""

    name: str

    @property
    def degraded(self) -> bool:
        """Whether it has left its GPU."""


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

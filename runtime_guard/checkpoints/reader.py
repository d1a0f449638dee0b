"""What all models of one's own have in common as readers: no first glance, and roles of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from govkernel.domain import Finding
from runtime_guard.checkpoints.loading import Loaded
from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.failures import unread
from runtime_guard.readers.interface import Reading, Unread, flagged_for


class CloseReader(ABC):
    """A :class:`runtime_guard.readers.interface.Reader`: reads closely, and only what the roles it judges have written.

    Args:
        checkpoint: what was said about the model.
        loaded: the model.
    """

    def __init__(self, checkpoint: Checkpoint, loaded: Loaded) -> None:
        self.name = checkpoint.name
        self.labels = frozenset(checkpoint.ours)
        self._checkpoint = checkpoint
        self._loaded = loaded

    @property
    def degraded(self) -> bool:
        """Whether its GPU has failed, so that it runs on the CPU."""
        return self._loaded.placed.degraded

    def glance(self, text: str, role: str) -> Reading:
        """Settled where the role is not judged; else nobody's word."""
        return Reading(settled=role not in self._checkpoint.roles)

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        """:meth:`read` for one text.

        Raises:
            GovkernelError: ``guard.detector-failed``: nothing could be made of it.
        """
        (found,) = self.read([text], [role])
        if isinstance(found, Unread):
            raise unread(self.name, found.why)
        return found.as_findings()

    def read(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading | Unread]:
        """What the texts are; of roles that are not judged, nothing is said.

        Args:
            texts: of any length.
            roles: as many.
        """
        judged = [number for number, role in enumerate(roles) if role in self._checkpoint.roles]
        found: list[Reading | Unread] = [Reading(by=self.name)] * len(texts)
        said = self._judge([texts[number] for number in judged], [roles[number] for number in judged])
        for number, reading in zip(judged, said, strict=True):
            found[number] = reading
        return found

    @abstractmethod
    def _judge(self, texts: Sequence[str], roles: Sequence[str]) -> Sequence[Reading | Unread]:
        """What the model says of texts whose roles it judges."""

    def _whole(self, scores: Mapping[str, float], role: str) -> Reading:
        """The reading of scores about a whole message."""
        flagged = (
            label
            for label, score in scores.items()
            if score >= self._checkpoint.bound(label) and flagged_for(label, role)
        )
        return Reading(scores, frozenset(flagged), by=self.name)

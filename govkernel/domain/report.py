"""What a front door that answers about many things at once hands to the report formats."""

from __future__ import annotations

from datetime import datetime

from govkernel.domain.artifact import Artifact
from govkernel.domain.base import Frozen
from govkernel.domain.decision import Decision
from govkernel.domain.evidence import Evidence


class ReportEntry(Frozen):
    """One thing that was asked about.

    Attributes:
        path: the file, folder or manifest it came from, as the user wrote it.
        title: what a person calls it, e.g. ``InferenceService prod/chat``.
        artifacts: the artifacts involved.
        evidence: evidence about each, in the same order.
        decision: the answer.
        line: where in the file it begins.
        lines: where in the file each artifact is named, in the same order; empty when it is not named there.
        file: what a code review shows for it, from the root of the job's repository; empty when nobody asked.
    """

    path: str
    title: str
    artifacts: tuple[Artifact, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    decision: Decision
    line: int = 1
    lines: tuple[int, ...] = ()
    file: str = ""

    @property
    def place(self) -> str:
        """The file to show: the one that was found, or what was asked about."""
        return self.file or self.path

    def line_of(self, name: str) -> int:
        """The line where the artifact of that name is named; the entry's own for any other name."""
        named = (
            line for artifact, line in zip(self.artifacts, self.lines, strict=False) if artifact.name == name
        )
        return next(named, self.line)


class Report(Frozen):
    """The outcome of one run of a front door.

    Attributes:
        command: ``gate`` or ``admit``.
        tool_version: version of govkernel.
        packs: ``id@version`` of the packs asked.
        created_at: UTC.
        entries: one per thing asked about, in the order given.
    """

    command: str
    tool_version: str
    packs: tuple[str, ...]
    created_at: datetime
    entries: tuple[ReportEntry, ...]

    @property
    def allowed(self) -> bool:
        """Whether every entry is allowed; false when there is none."""
        return bool(self.entries) and all(entry.decision.allowed for entry in self.entries)

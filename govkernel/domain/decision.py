"""The one answer: allow or deny, with reasons and obligations, and what it stood on."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import Field

from govkernel.domain.artifact import Artifact, Digest
from govkernel.domain.base import Frozen
from govkernel.domain.evidence import Evidence
from govkernel.domain.lineage import Ancestor
from govkernel.domain.policy import Effect, Obligation, Reason
from govkernel.domain.request import Request

RECORD_VERSION: Final = 1


class Fault(Frozen):
    """A part that could not do its work; any fault on the way to a decision makes it a deny.

    Attributes:
        code: stable error code.
        what, why, remedy: the error, for people.
        plugin: the plugin at fault, if one was.
    """

    code: str
    what: str
    why: str = ""
    remedy: str = ""
    plugin: str = ""


class Decision(Frozen):
    """The answer to a request.

    Attributes:
        id: unique, sortable by time (UUID version 7).
        effect: allow or deny.
        reasons: the policies that determined the effect.
        warnings: forbids of packs in ``warn`` mode: shown, not enforced.
        notes: forbids of packs in ``audit`` mode: recorded, not shown.
        obligations: what the PEP must do when it enforces the effect.
        faults: parts that failed; not empty implies deny.
        policy_set: digest of the packs and parameters that were asked.
        evidence: digest of the evidence documents it stood on.
        decided_at: the ``now`` that was passed in, UTC.
    """

    id: str
    effect: Effect
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()
    notes: tuple[Reason, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    faults: tuple[Fault, ...] = ()
    policy_set: Digest
    evidence: Digest
    decided_at: datetime

    @property
    def allowed(self) -> bool:
        """Whether the effect is allow."""
        return self.effect is Effect.ALLOW

    def obliges(self, kind: str) -> tuple[Obligation, ...]:
        """The obligations of one type."""
        return tuple(item for item in self.obligations if item.type == kind)


class Judged(Frozen):
    """An artifact with the evidence gathered about it.

    Attributes:
        artifact: what it is.
        evidence: what was accepted and rejected about it.
        ancestry: what it was made from; None when no accepted statement says that it was made from anything.
    """

    artifact: Artifact
    evidence: Evidence
    ancestry: tuple[Ancestor, ...] | None = None


class Record(Frozen):
    """What is appended to the audit log: enough to compute the decision again.

    Attributes:
        version: format of the record.
        request: what was asked.
        subjects: the artifacts involved and the evidence about each.
        decision: what was answered.
    """

    version: int = Field(default=RECORD_VERSION)
    request: Request
    subjects: tuple[Judged, ...] = ()
    decision: Decision

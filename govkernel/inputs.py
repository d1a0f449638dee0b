"""From a request and the evidence about its artifacts to the questions that policy engines answer. Pure.

A request about several artifacts is decided part by part (XACML 3.0 Multiple Decision Profile): one question
about the resource itself and one about each artifact, unless the resource *is* the one artifact.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from govkernel.domain import (
    Action,
    Artifact,
    EntityRef,
    Evidence,
    Judged,
    PolicyInput,
    Request,
    Screening,
)
from govkernel.facts import artifact_facts, evidence_facts, statements
from govkernel.lineage.facts import lineage_facts

ARTIFACT_ACTIONS: Final = frozenset({Action.ADMIT, Action.DEPLOY, Action.PROMOTE})
SCREENED_ACTIONS: Final = frozenset({Action.INFER, Action.EGRESS, Action.INVOKE_TOOL})


def questions(request: Request, subjects: Sequence[Judged], now: datetime) -> tuple[PolicyInput, ...]:
    """What the packs are asked, the resource first, then each artifact in the order of the request.

    Args:
        request: what was asked.
        subjects: its artifacts with their evidence.
        now: time of the decision, aware.
    """
    asked = [] if _is_the_artifact(request, subjects) else [_question(request, None, now)]
    asked.extend(_question(request, subject, now) for subject in subjects)
    return tuple(asked)


def entity_of(artifact: Artifact) -> EntityRef:
    """The Cedar entity of an artifact: its digest, or the name nothing could resolve."""
    identity = str(artifact.digest) if artifact.digest else artifact.name
    return EntityRef(type=artifact.kind.entity_type, id=identity)


def _is_the_artifact(request: Request, subjects: Sequence[Judged]) -> bool:
    if len(subjects) != 1 or request.action not in ARTIFACT_ACTIONS:
        return False
    artifact = subjects[0].artifact
    names = {artifact.name, str(artifact.digest), *(ref.uri for ref in request.artifacts)}
    return request.resource.type == artifact.kind.entity_type and request.resource.id in names


def _question(request: Request, subject: Judged | None, now: datetime) -> PolicyInput:
    resource = request.resource if subject is None else entity_of(subject.artifact)
    return PolicyInput(
        principal=request.principal,
        action=request.action.value,
        resource=resource,
        name=request.resource.id if subject is None else subject.artifact.name,
        context=_context(request, subject, now),
    )


def _context(request: Request, subject: Judged | None, now: datetime) -> dict[str, Any]:
    context: dict[str, Any] = {
        "door": request.door.value,
        "environment": request.environment,
        "risk": request.risk,
        "labels": sorted(set(request.labels)),
        "time": int(now.timestamp()),
        "attributes": request.attributes,
    }
    if request.action in ARTIFACT_ACTIONS:
        evidence = subject.evidence if subject else Evidence()
        context["artifact"] = artifact_facts(subject.artifact if subject else None)
        context["evidence"] = evidence_facts(evidence, now, subject.artifact.kind if subject else None)
        context["statements"] = statements(evidence.accepted)
        if subject is not None and subject.ancestry is not None:
            context["lineage"] = lineage_facts(subject.ancestry)
        context["workload"] = {
            **request.workload.model_dump(exclude={"labels"}),
            "labels": sorted(set(request.workload.labels)),
        }
    elif request.action in SCREENED_ACTIONS:
        screening = request.screening or Screening(direction="request", complete=False)
        context["screening"] = {**screening.model_dump(), "labels": sorted(set(screening.labels))}
    return context

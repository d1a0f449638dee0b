"""Reports to render, built by hand: one of everything a format has to show."""

from __future__ import annotations

from datetime import UTC, datetime

from govkernel.domain import (
    Artifact,
    ArtifactKind,
    Decision,
    Digest,
    Effect,
    EntityRef,
    Evidence,
    Reason,
    RejectedStatement,
    Report,
    ReportEntry,
)

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
DIGEST = Digest.sha256("ab" * 32)
REFUSED = RejectedStatement(
    code="provenance.files-changed",
    why="The model is not what was signed. changed: model.safetensors",
    remedy="Restore the files that were signed.",
    source="models/minilm.sigstore.json",
)


def reason(
    policy: str = "baseline/tampered",
    message: str = "The content is not what was signed.",
    remedy: str = "Restore the signed content.",
    effect: Effect = Effect.DENY,
) -> Reason:
    """A reason of the baseline pack."""
    about = EntityRef(type="Model", id=str(DIGEST))
    return Reason(
        policy=policy,
        effect=effect,
        message=message,
        remedy=remedy,
        about=about,
        name="file:models/minilm",
        controls=("ISO-42001/A.6.2.4",),
    )


def entry(
    *reasons: Reason,
    path: str = "models/minilm",
    allowed: bool = False,
    warnings: tuple[Reason, ...] = (),
    rejected: tuple[RejectedStatement, ...] = (),
) -> ReportEntry:
    """An entry about one model."""
    artifact = Artifact(kind=ArtifactKind.MODEL, name=f"file:{path}", digest=DIGEST, where=path)
    decision = Decision(
        id="01900000-0000-7000-8000-000000000001",
        effect=Effect.ALLOW if allowed else Effect.DENY,
        reasons=reasons,
        warnings=warnings,
        policy_set=DIGEST,
        evidence=DIGEST,
        decided_at=NOW,
    )
    return ReportEntry(
        path=path,
        title=f"model {path}",
        artifacts=(artifact,),
        evidence=(Evidence(subject=DIGEST, rejected=rejected),),
        decision=decision,
    )


def report(*entries: ReportEntry) -> Report:
    """A report of a gate."""
    return Report(
        command="gate", tool_version="1.2.3", packs=("baseline@0.1.0",), created_at=NOW, entries=entries
    )


def typical() -> Report:
    """One artifact denied with a refused bundle, one allowed with a warning, one allowed."""
    warning = reason("style/name", "The name says nothing.", "Choose another.")
    return report(
        entry(reason(), rejected=(REFUSED,)),
        entry(reason(effect=Effect.ALLOW), path="prompts/agent.yaml", allowed=True, warnings=(warning,)),
        entry(reason(effect=Effect.ALLOW), path="data/tickets.jsonl", allowed=True),
    )

"""JSON for machines. The shape is stable: docs/reference/report-formats.md."""

from __future__ import annotations

from typing import Any

from govkernel.domain import Evidence, Report, ReportEntry
from govkernel.gate.formats.common import bounded, dump


class JsonFormat:
    """``--format json``."""

    name = "json"

    def render(self, report: Report) -> str:
        """One JSON document in ASCII."""
        return dump(
            {
                "allowed": report.allowed,
                "command": report.command,
                "toolVersion": report.tool_version,
                "packs": bounded(report.packs),
                "createdAt": report.created_at.isoformat(),
                "entries": [_entry(entry) for entry in report.entries],
            }
        )


def _entry(entry: ReportEntry) -> dict[str, Any]:
    return {
        "path": bounded(entry.path),
        "file": bounded(entry.place),
        "title": bounded(entry.title),
        "allowed": entry.decision.allowed,
        "decision": bounded(entry.decision.model_dump(mode="python") | _plain(entry)),
        "artifacts": [bounded(artifact.model_dump()) for artifact in entry.artifacts],
        "evidence": [_evidence(evidence) for evidence in entry.evidence],
    }


def _plain(entry: ReportEntry) -> dict[str, str]:
    """The decision's values that JSON does not have; pydantic's JSON mode would refuse lone surrogates."""
    return {"decided_at": entry.decision.decided_at.isoformat()}


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "trustPolicy": str(evidence.trust_policy) if evidence.trust_policy else None,
        "accepted": [
            {
                "predicateType": bounded(item.statement.predicate_type),
                "signers": [bounded(signer.name) for signer in item.signers],
                "source": bounded(item.source),
                "validUntil": item.valid_until.isoformat() if item.valid_until else None,
            }
            for item in evidence.accepted
        ],
        "rejected": [bounded(item.model_dump()) for item in evidence.rejected],
    }

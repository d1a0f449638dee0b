"""JSON for machines. The shape is stable: docs/reference/report-formats.md."""

from __future__ import annotations

import json
from typing import Any

from govkernel.domain import Report, ReportEntry


class JsonFormat:
    """``--format json``."""

    name = "json"

    def render(self, report: Report) -> str:
        """One JSON document, UTF-8."""
        document = {
            "allowed": report.allowed,
            "command": report.command,
            "toolVersion": report.tool_version,
            "packs": list(report.packs),
            "createdAt": report.created_at.isoformat(),
            "entries": [_entry(entry) for entry in report.entries],
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _entry(entry: ReportEntry) -> dict[str, Any]:
    return {
        "path": entry.path,
        "title": entry.title,
        "allowed": entry.decision.allowed,
        "decision": entry.decision.model_dump(mode="json"),
        "artifacts": [artifact.model_dump(mode="json") for artifact in entry.artifacts],
        "evidence": [_evidence(evidence.model_dump(mode="json")) for evidence in entry.evidence],
    }


def _evidence(evidence: dict[str, Any]) -> dict[str, Any]:
    accepted = [
        {
            "predicateType": item["statement"]["predicate_type"],
            "signers": [signer["name"] for signer in item["signers"]],
            "source": item["source"],
            "validUntil": item["valid_until"],
        }
        for item in evidence["accepted"]
    ]
    return {"trustPolicy": evidence["trust_policy"], "accepted": accepted, "rejected": evidence["rejected"]}

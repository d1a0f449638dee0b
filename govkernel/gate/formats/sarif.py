"""SARIF 2.1.0 (OASIS): one rule per policy, one result per problem, so that code-scanning tools can show it."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final
from urllib.parse import quote

from govkernel.domain import Report, ReportEntry
from govkernel.gate.formats.common import Problem, problems

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


class SarifFormat:
    """``--format sarif``."""

    name = "sarif"

    def render(self, report: Report) -> str:
        """A SARIF log with one run."""
        told = [(entry, problem) for entry in report.entries for problem in problems(entry)]
        rules = {problem.rule: _rule(problem) for _, problem in told}
        order = {rule: position for position, rule in enumerate(rules)}
        run = {
            "tool": {
                "driver": {
                    "name": "govkernel",
                    "version": report.tool_version,
                    "semanticVersion": report.tool_version,
                    "rules": list(rules.values()),
                }
            },
            "invocations": [{"executionSuccessful": True, "endTimeUtc": _utc(report)}],
            "results": [_result(entry, problem, order[problem.rule]) for entry, problem in told],
            "columnKind": "unicodeCodePoints",
        }
        return (
            json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)
            + "\n"
        )


def _rule(problem: Problem) -> dict[str, Any]:
    return {
        "id": problem.rule,
        "shortDescription": {"text": problem.message},
        "help": {"text": problem.remedy or "See the policy pack."},
        "defaultConfiguration": {"level": problem.level},
    }


def _result(entry: ReportEntry, problem: Problem, index: int) -> dict[str, Any]:
    text = f"{problem.message} Fix: {problem.remedy}" if problem.remedy else problem.message
    fingerprint = hashlib.sha256(f"{problem.rule}\n{entry.path}\n{problem.subject}".encode()).hexdigest()
    return {
        "ruleId": problem.rule,
        "ruleIndex": index,
        "level": problem.level,
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(entry.path, safe="/")},
                    "region": {"startLine": 1},
                }
            }
        ],
        "partialFingerprints": {"govkernel/v1": fingerprint},
        "properties": {"decision": entry.decision.id, "artifact": problem.subject},
    }


def _utc(report: Report) -> str:
    return report.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")

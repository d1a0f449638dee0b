"""SARIF 2.1.0 (OASIS): one rule per policy, one result per problem, so that code-scanning tools can show it."""

from __future__ import annotations

import hashlib
from typing import Any, Final
from urllib.parse import quote

from govkernel.domain import Report, ReportEntry
from govkernel.gate.formats.common import Problem, clean, dump, problems

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


class SarifFormat:
    """``--format sarif``."""

    name = "sarif"

    def render(self, report: Report) -> str:
        """A SARIF log with one run."""
        told = [(entry, problem) for entry in report.entries for problem in problems(entry)]
        rules = {problem.rule: _rule(problem) for _, problem in told}
        order = {rule: position for position, rule in enumerate(rules)}
        driver = {"name": "govkernel", "version": clean(report.tool_version), "rules": list(rules.values())}
        run = {
            "tool": {"driver": driver},
            "invocations": [
                {
                    "executionSuccessful": True,
                    "endTimeUtc": report.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                }
            ],
            "results": [_result(entry, problem, order[problem.rule]) for entry, problem in told],
            "columnKind": "unicodeCodePoints",
        }
        return dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(problem: Problem) -> dict[str, Any]:
    refused = f"A bundle about the artifact was refused: {problem.rule}."
    return {
        "id": problem.rule,
        "shortDescription": {"text": refused if problem.level == "note" else problem.message},
        "help": {"text": problem.remedy or "Read the policy of that id in its pack."},
        "defaultConfiguration": {"level": problem.level},
        "properties": {"tags": sorted(set(problem.controls))},
    }


def _result(entry: ReportEntry, problem: Problem, index: int) -> dict[str, Any]:
    return {
        "ruleId": problem.rule,
        "ruleIndex": index,
        "level": problem.level,
        "message": {"text": problem.advice},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(clean(entry.place))},
                    "region": {"startLine": problem.line},
                }
            }
        ],
        "partialFingerprints": {"govkernel/v1": _fingerprint(entry, problem)},
        "properties": {"decision": clean(entry.decision.id), "artifact": problem.subject},
    }


def _uri(path: str) -> str:
    """A URI reference (RFC 3986): relative as it is written, absolute as ``file:``."""
    return f"file://{quote(path)}" if path.startswith("/") else quote(path) or "."


def _fingerprint(entry: ReportEntry, problem: Problem) -> str:
    """The same problem of the same artifact in the next run, whatever its content is by then."""
    identity = "\n".join((problem.rule, clean(entry.path), problem.subject))
    return hashlib.sha256(identity.encode()).hexdigest()

"""Verification summaries (SLSA VSA v1): what a gate decided, as a statement that later doors can rely on. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from govkernel import __version__
from govkernel.domain import Artifact, Decision, Evidence, Report

VERIFIER: Final = "https://govkernel.dev/gate"
"""Who verified, unless somebody says otherwise. Who is believed is decided by the key that signs."""

PREFIX: Final = "GOVKERNEL"


def level(action: str, environment: str = "", risk: str = "") -> str:
    """What an artifact passed for: ``GOVKERNEL:deploy:production:high``, without empty parts at the end.

    A summary for one environment or risk says nothing about another, so the level names both.
    """
    return ":".join((PREFIX, action, environment, risk)).rstrip(":")


def summaries(
    report: Report, action: str, environment: str = "", risk: str = "", verifier: str = VERIFIER
) -> Iterator[tuple[Artifact, dict[str, Any]]]:
    """Each artifact of a report that has a digest, with the predicate about it.

    Args:
        report: of a gate.
        action: what the gate was asked about.
        environment: where it is going.
        risk: declared risk of the use.
        verifier: URI of who verified.
    """
    reached = level(action, environment, risk)
    for entry in report.entries:
        for artifact, evidence in zip(entry.artifacts, entry.evidence, strict=True):
            if artifact.digest is not None:
                said = _predicate(artifact, evidence, entry.decision, report.packs, reached)
                yield artifact, {"verifier": {"id": verifier, "version": {"govkernel": __version__}}, **said}


def _predicate(
    artifact: Artifact, evidence: Evidence, decision: Decision, packs: Sequence[str], reached: str
) -> dict[str, Any]:
    digests = sorted({item.statement.digest.hex for item in evidence.accepted})
    return {
        "timeVerified": decision.decided_at.isoformat().replace("+00:00", "Z"),
        "resourceUri": artifact.name,
        "policy": {
            # Summaries of one policy supersede each other, so what was asked is part of its name.
            "uri": f"{' '.join(packs)}#{reached}",
            "digest": {decision.policy_set.algorithm: decision.policy_set.hex},
        },
        "inputAttestations": [{"digest": {"sha256": digest}} for digest in digests],
        "verificationResult": "PASSED" if decision.allowed else "FAILED",
        "verifiedLevels": [reached] if decision.allowed else ["FAILED"],
        "slsaVersion": "1.0",
    }

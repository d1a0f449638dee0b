"""From evidence to the facts that policies test. Pure; every number over several statements is the worst one.
The order in which evidence was found never matters.

The shapes are those of ``EvidenceFacts`` in govkernel/engines/govkernel.cedarschema. A fact is present only
if an accepted statement says so; absence is never a default value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from govkernel.domain import AcceptedStatement, Artifact, ArtifactKind, Evidence, Signer, predicates, voices
from govkernel.domain.formats import UNKNOWN
from govkernel.more_facts import MORE, Summary, digests_in
from govkernel.newest import newest

RISK_ORDER: Final = ("", "minimal", "limited", "high", "unacceptable")
"""Risk classes, mildest first."""

VERDICT_ORDER: Final = ("safe", "unknown", "unsafe")
"""Verdicts on files, best first."""


def artifact_facts(artifact: Artifact | None) -> dict[str, Any]:
    """``ArtifactFacts`` of an artifact, or of none; of one whose formats nobody tells they are ``unknown``."""
    if artifact is None:
        return {
            "kind": "",
            "name": "",
            "digest": "",
            "resolved": False,
            "pinned": False,
            "observed": False,
            "formats": [],
        }
    return {
        "kind": artifact.kind.value,
        "name": artifact.name,
        "digest": str(artifact.digest) if artifact.digest else "",
        "resolved": artifact.resolved,
        "pinned": artifact.pinned,
        "observed": artifact.observed,
        # A pack that allows formats by a list must not take silence for consent: no format at all is every list's.
        "formats": sorted(set(artifact.formats)) or [UNKNOWN],
    }


def evidence_facts(evidence: Evidence, now: datetime, kind: ArtifactKind | None) -> dict[str, Any]:
    """``EvidenceFacts`` of what was verified about one artifact of that kind, as of ``now``."""
    approvals = _approvals(evidence, now)
    facts: dict[str, Any] = {
        "signed": any(_signs(item, kind) for item in evidence.accepted),
        "signers": sorted({signer.name for item in evidence.accepted for signer in item.signers}),
        "predicateTypes": sorted({item.statement.predicate_type for item in evidence.accepted}),
        "rejections": sorted({item.code for item in evidence.rejected}),
        "approvals": len(voices(signers for signers, _ in approvals)),
        "approverRoles": sorted({role for _, role in approvals}),
    }
    for name, (types, summarize) in _SUMMARIES.items():
        stated = [said for predicate_type in types for said in evidence.of_type(predicate_type)]
        if stated:
            facts[name] = summarize(stated, now)
    return facts


def _signs(item: AcceptedStatement, kind: ArtifactKind | None) -> bool:
    """Whether a statement says that the content is the signer's, as what it is used for.

    Other claims, a rejecting approval too, are about the content. OMS signs models and knows no other kind; what
    was signed as a model is held to the rules for models, whatever it is called later.
    """
    if item.statement.predicate_type == predicates.SIGNATURE:
        return kind is not None and item.statement.predicate.get("kind") == kind.value
    return item.statement.predicate_type == predicates.OMS_SIGNATURE and kind is ArtifactKind.MODEL


def _approvals(evidence: Evidence, now: datetime) -> list[tuple[list[Signer], str]]:
    """Signers and role of each approval that holds. Who also rejects does not count at all."""
    approved: list[tuple[tuple[Signer, ...], str]] = []
    rejected: set[str] = set()
    for item in evidence.accepted:
        if item.statement.predicate_type != predicates.APPROVAL:
            continue
        said = item.statement.predicate
        if said.get("decision") != "approve":
            rejected |= {signer.name for signer in item.signers}
        elif _holds(said.get("validUntil"), now):
            approved.append((item.signers, str(said.get("role", ""))))
    heard = (
        (([signer for signer in signers if signer.name not in rejected]), role) for signers, role in approved
    )
    return [(signers, role) for signers, role in heard if signers]


def _holds(until: object, now: datetime) -> bool:
    if until is None:
        return True
    moment = datetime.fromisoformat(str(until))
    return moment.tzinfo is not None and now < moment


def _evaluation(stated: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    latest = newest(stated, lambda said: str(said["suite"]["name"]), now)
    return {
        "suites": sorted({str(said["suite"]["name"]) for said in latest}),
        "score": min(float(said["score"]) for said in latest),
        "passed": all(_passed(said) for said in latest),
    }


def _passed(said: Mapping[str, Any]) -> bool:
    """Whether it says so and its own numbers do not contradict it."""
    return said["passed"] is True and float(said["score"]) >= float(said.get("threshold", 0))


def _pii_scan(stated: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    latest = newest(stated, lambda said: str(said["scanner"]["name"]), now)
    return {
        "records": max(int(said["records"]) for said in latest),
        "findings": max(max(int(said["findings"]), *_counts(said), 0) for said in latest),
        "entityTypes": sorted({str(label) for said in latest for label in said.get("entityTypes", {})}),
        "complete": all(said["complete"] is True for said in latest),
    }


def _file_safety(stated: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    latest = newest(stated, lambda said: str(said["scanner"]["name"]), now)
    return {
        "verdict": max((_verdict(said) for said in latest), key=VERDICT_ORDER.index),
        "complete": all(said["complete"] is True for said in latest),
        "findings": max(sum(int(count) for count in said["rules"].values()) for said in latest),
        "rules": sorted({str(rule) for said in latest for rule in said["rules"]}),
        "checked": digests_in({"digest": said["checked"]} for said in latest),
    }


def _verdict(said: Mapping[str, Any]) -> str:
    """What it says, unless its own findings contradict it."""
    return (
        "unknown"
        if said["verdict"] == "safe" and (said["rules"] or not said["complete"])
        else said["verdict"]
    )


def _counts(said: Mapping[str, Any]) -> list[int]:
    return [int(count) for count in said.get("entityTypes", {}).values()]


def _model_card(stated: list[dict[str, Any]], _now: datetime) -> dict[str, Any]:
    licences = {str(said["license"]) for said in stated}
    return {
        "license": licences.pop() if len(licences) == 1 else "NOASSERTION",
        "risk": max((str(said["riskClass"]) for said in stated), key=RISK_ORDER.index),
        "intendedUse": " ".join(sorted({str(said.get("intendedUse", "")) for said in stated})),
    }


def _prompt_release(stated: list[dict[str, Any]], _now: datetime) -> dict[str, Any]:
    versions = sorted({str(said["version"]) for said in stated})
    return {
        "version": ",".join(versions),
        "environments": sorted({str(env) for said in stated for env in said.get("environments", ())}),
    }


def _derivation(stated: list[dict[str, Any]], _now: datetime) -> dict[str, Any]:
    return {
        "methods": sorted({str(said["method"]) for said in stated}),
        "bases": digests_in(item for said in stated for item in said.get("bases", ())),
        "datasets": digests_in(item for said in stated for item in said.get("datasets", ())),
    }


_SUMMARIES: Final[Mapping[str, tuple[tuple[str, ...], Summary]]] = {
    "evaluation": ((predicates.EVALUATION_RESULT,), _evaluation),
    "piiScan": ((predicates.PII_SCAN,), _pii_scan),
    "fileSafety": ((predicates.FILE_SAFETY,), _file_safety),
    "modelCard": ((predicates.MODEL_CARD,), _model_card),
    "promptRelease": ((predicates.PROMPT_RELEASE,), _prompt_release),
    "derivation": ((predicates.DERIVATION,), _derivation),
    **MORE,
}
"""Fact, the predicate types that it is made of, and how."""


def statements(accepted: Iterable[AcceptedStatement]) -> list[dict[str, Any]]:
    """Accepted statements in full, for engines that can look into arbitrary predicates (Rego)."""
    return [
        {
            "predicateType": item.statement.predicate_type,
            "predicate": item.statement.predicate,
            "signers": [signer.name for signer in item.signers],
        }
        for item in sorted(accepted, key=_place)
    ]


def _place(item: AcceptedStatement) -> tuple[str, str, list[str]]:
    statement = item.statement
    return statement.predicate_type, str(statement.digest), [signer.name for signer in item.signers]

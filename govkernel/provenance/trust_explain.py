"""Why evidence is what it is: what was found about an artifact, which rules let it be, what was refused. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from govkernel.domain import AcceptedStatement, Artifact, Judged, RejectedStatement
from govkernel.domain.predicates import OMS_SIGNATURE, SIGNATURE
from govkernel.provenance.predicates import NAMES
from govkernel.provenance.revocation import PassedOver
from govkernel.provenance.rules import Rule
from govkernel.provenance.trust import TrustPolicy

SIGNATURES: Final = frozenset({SIGNATURE, OMS_SIGNATURE})
_SHORT: Final = {uri: name for name, uri in NAMES.items()}


def explain(
    trust: TrustPolicy, judged: Judged, now: datetime, passed_over: Sequence[PassedOver] = ()
) -> dict[str, Any]:
    """What the trust policy made of what was found about an artifact, as a JSON document.

    Args:
        trust: the policy that judged.
        judged: the artifact with its evidence.
        now: the time it was judged at.
        passed_over: revocation lists that are not in force.

    Returns:
        ``signed`` (whether a signature is accepted), ``artifact``, ``accepted``, ``rejected``, ``rules`` that are about
        the artifact, ``passedOver``, and ``trustPolicy`` (its digest).
    """
    artifact, evidence = judged.artifact, judged.evidence
    return {
        "signed": any(item.statement.predicate_type in SIGNATURES for item in evidence.accepted),
        "artifact": {
            "name": artifact.name,
            "kind": artifact.kind.value,
            "digest": str(artifact.digest) if artifact.digest else None,
        },
        "accepted": [_accepted(item, trust, artifact, now) for item in evidence.accepted],
        "rejected": [_rejected(item) for item in evidence.rejected],
        "rules": [_rule(rule) for rule in trust.rules if _concerns(rule, artifact)],
        "passedOver": [{"source": item.source, "code": item.code, "why": item.why} for item in passed_over],
        "trustPolicy": str(evidence.trust_policy),
    }


def short(predicate_type: str) -> str:
    """The short name of a predicate type where it has one."""
    return "OMS signature" if predicate_type == OMS_SIGNATURE else _SHORT.get(predicate_type, predicate_type)


def _accepted(
    item: AcceptedStatement, trust: TrustPolicy, artifact: Artifact, now: datetime
) -> dict[str, Any]:
    numbers = {grant.rule.number for grant in trust.grants(item, artifact, now)}
    return {
        "predicateType": item.statement.predicate_type,
        "statement": str(item.statement.digest),
        "signers": [signer.model_dump(exclude_defaults=True) for signer in item.signers],
        "rules": sorted(numbers),
        "validUntil": item.valid_until.isoformat() if item.valid_until else None,
        "source": item.source,
    }


def _rejected(item: RejectedStatement) -> dict[str, Any]:
    return {
        "code": item.code,
        "why": item.why,
        "remedy": item.remedy,
        "claimedType": item.predicate_type,
        "source": item.source,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "number": rule.number,
        "signers": sorted(rule.signers),
        "may": list(rule.may),
        "threshold": rule.threshold,
    }


def _concerns(rule: Rule, artifact: Artifact) -> bool:
    """Whether it can be about the artifact; a local path has the names that statements give it."""
    if artifact.name.startswith("file:"):
        return not rule.kinds or artifact.kind in rule.kinds
    return rule.about(artifact.kind, (artifact.name,))

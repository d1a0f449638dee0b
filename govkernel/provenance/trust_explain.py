"""Why evidence is what it is: what was found about an artifact, which rules let it be, what was refused. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from govkernel.domain import AcceptedStatement, Artifact, Judged, RejectedStatement
from govkernel.domain.predicates import OMS_SIGNATURE, SIGNATURE
from govkernel.provenance.delegation import Delegation
from govkernel.provenance.predicates import NAMES
from govkernel.provenance.revocation import PassedOver
from govkernel.provenance.rules import NOBODYS, Rule
from govkernel.provenance.trust import TrustPolicy

SIGNATURES: Final = frozenset({SIGNATURE, OMS_SIGNATURE})
_SHORT: Final = {uri: name for name, uri in NAMES.items()}


def explain(
    trust: TrustPolicy,
    judged: Judged,
    now: datetime,
    passed_over: Sequence[PassedOver] = (),
    claimed: Sequence[Judged] = (),
) -> dict[str, Any]:
    """What the trust policy made of what was found about an artifact, as a JSON document.

    Args:
        trust: the policy that judged.
        judged: the artifact with its evidence.
        now: the time it was judged at.
        passed_over: revocation lists and delegations that are not in force.
        claimed: for a name that leads to nothing: what bundles here say that it means.

    Returns:
        ``signed`` (whether a signature is accepted), ``artifact``, ``accepted``, ``rejected``, ``claimed``, ``rules``
        and ``delegations`` that can be about the artifact, ``passedOver``, ``judgedAt``, ``trustPolicy`` (its digest).
    """
    artifact = judged.artifact
    return {
        "signed": any(item.statement.predicate_type in SIGNATURES for item in judged.evidence.accepted),
        "artifact": {
            "name": artifact.name,
            "kind": artifact.kind.value,
            "digest": str(artifact.digest) if artifact.digest else None,
        },
        **_found(trust, judged, now),
        "claimed": [{"digest": str(item.artifact.digest), **_found(trust, item, now)} for item in claimed],
        "rules": [_rule(trust, rule, artifact, now) for rule in trust.rules if _concerns(rule, artifact)],
        "delegations": [
            _delegation(trust, item, artifact, now)
            for item in trust.delegations
            if _concerns(item.scope, artifact)
        ],
        "passedOver": [{"source": item.source, "code": item.code, "why": item.why} for item in passed_over],
        "judgedAt": now.isoformat(),
        "trustPolicy": str(judged.evidence.trust_policy),
    }


def short(predicate_type: str) -> str:
    """The short name of a predicate type where it has one."""
    return "OMS signature" if predicate_type == OMS_SIGNATURE else _SHORT.get(predicate_type, predicate_type)


def _found(trust: TrustPolicy, judged: Judged, now: datetime) -> dict[str, Any]:
    return {
        "accepted": [_accepted(item, trust, judged.artifact, now) for item in judged.evidence.accepted],
        "rejected": [_rejected(item) for item in judged.evidence.rejected],
    }


def _accepted(
    item: AcceptedStatement, trust: TrustPolicy, artifact: Artifact, now: datetime
) -> dict[str, Any]:
    grants = trust.grants(item, artifact, now)
    through = {str(grant.delegation.digest) for grant in grants if grant.delegation}
    return {
        "predicateType": item.statement.predicate_type,
        "statement": str(item.statement.digest),
        "signers": [signer.model_dump(exclude_defaults=True) for signer in item.signers],
        "rules": sorted({grant.rule.number for grant in grants}),
        "delegations": sorted(through),
        "signedAt": item.signed_at.isoformat() if item.signed_at else None,
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


def _rule(trust: TrustPolicy, rule: Rule, artifact: Artifact, now: datetime) -> dict[str, Any]:
    why = {item.name: trust.unfit(item, artifact, now) for item in trust.signers if item.name in rule.signers}
    return {
        "number": rule.number,
        "signers": sorted(rule.signers),
        "unfit": {name: text for name, text in sorted(why.items()) if text},
        "threshold": rule.threshold,
        "delegable": rule.delegable,
        **_scope(rule, now),
    }


def _delegation(trust: TrustPolicy, item: Delegation, artifact: Artifact, now: datetime) -> dict[str, Any]:
    return {
        "statement": str(item.digest),
        "by": item.by.name,
        "to": sorted(delegate.name for delegate in item.to),
        "reason": item.reason,
        "source": item.source,
        "unfit": trust.over(item, artifact, now),
        **_scope(item.scope, now),
    }


def _scope(rule: Rule, now: datetime) -> dict[str, Any]:
    window = rule.window
    return {
        "may": list(rule.may),
        "about": {"kinds": sorted(kind.value for kind in rule.kinds), "names": list(rule.names)},
        "from": window.start.isoformat() if window.start else None,
        "until": window.end.isoformat() if window.end else None,
        "state": "not yet" if window.early(now) else "over" if window.late(now) else "in force",
    }


def _concerns(rule: Rule, artifact: Artifact) -> bool:
    """Whether it can be about the artifact; what has no name of its own has those that statements give it."""
    if artifact.name.startswith(NOBODYS):
        return not rule.kinds or artifact.kind in rule.kinds
    return rule.about(artifact.kind, (artifact.name,))

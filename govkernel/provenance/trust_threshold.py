"""Thresholds of a trust policy: what only enough holders together may say. Pure.

Judging looks at one statement; here is looked at all that was accepted about one artifact. Holders are counted, not
signatures: what one person says twice, or with two keys, was said once. And they must say the same: were it enough
that two made some statement of a type, then one of them could say alone what is newer, or more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from govkernel.domain import AcceptedStatement, RejectedStatement, Signer, Statement, voices
from govkernel.domain.predicates import APPROVAL, OMS_SIGNATURE, SIGNATURE
from govkernel.provenance.delegation import Delegation
from govkernel.provenance.rules import Rule


@dataclass(frozen=True)
class Grant:
    """That a rule lets a signer say a statement.

    Attributes:
        signer: who, under the name of their holder.
        rule: the rule.
        until: when the grant lapses.
        delegation: by which the signer speaks in that holder's name, if it does not hold a key of the policy.
    """

    signer: Signer
    rule: Rule
    until: datetime
    delegation: Delegation | None = None


@dataclass(frozen=True)
class Granted:
    """An accepted statement and the rules that let it be."""

    accepted: AcceptedStatement
    grants: tuple[Grant, ...]


def tally(items: Iterable[Granted], now: datetime) -> dict[tuple[int, str], frozenset[str]]:
    """Holders who said it, by number of the rule and claim; each signature lends one voice."""
    said: dict[tuple[int, str], list[list[Signer]]] = {}
    for item in items:
        statement = item.accepted.statement
        if counts(statement, now):
            spoken: dict[int, list[Signer]] = {}
            for grant in item.grants:
                spoken.setdefault(grant.rule.number, []).append(grant.signer)
            for number, signers in spoken.items():
                said.setdefault((number, claim(statement)), []).append(signers)
    return {place: voices(signers) for place, signers in said.items()}


def claim(statement: Statement) -> str:
    """What is said: the type and the predicate.

    Of signatures and approvals the type alone: the one says no more, of the other only approving ones are counted,
    and who, in which role and until when is each signer's own to say.
    """
    if statement.predicate_type in {SIGNATURE, OMS_SIGNATURE, APPROVAL}:
        return statement.predicate_type
    said = json.dumps(statement.predicate, sort_keys=True)
    return f"{statement.predicate_type} {hashlib.sha256(said.encode()).hexdigest()}"


def counts(statement: Statement, now: datetime) -> bool:
    """Whether it speaks for the artifact: an approval that rejects or has lapsed does not."""
    if statement.predicate_type != APPROVAL:
        return True
    until = statement.predicate.get("validUntil")
    holds = until is None or now < datetime.fromisoformat(until)
    return holds and statement.predicate.get("decision") == "approve"


def needs_company(statement: Statement, rule: Rule) -> bool:
    """Whether a rule's threshold stands before it; not before an approval that rejects, which can only deny."""
    rejects = statement.predicate_type == APPROVAL and statement.predicate.get("decision") != "approve"
    return rule.threshold > 1 and not rejects


def met(
    item: Granted, said: Mapping[tuple[int, str], frozenset[str]]
) -> tuple[tuple[Grant, ...], RejectedStatement | None]:
    """The grants whose threshold is met; if there is none, why not.

    Args:
        item: a statement and its grants, at least one.
        said: as :func:`tally` counts.
    """
    statement = item.accepted.statement
    place = claim(statement)
    held = tuple(
        grant
        for grant in item.grants
        if not needs_company(statement, grant.rule)
        or len(said.get((grant.rule.number, place), ())) >= grant.rule.threshold
    )
    if held:
        return held, None
    rules = (grant.rule for grant in item.grants)
    closest = min(rules, key=lambda rule: rule.threshold - len(said.get((rule.number, place), ())))
    return (), below(item.accepted, closest, said.get((closest.number, place), frozenset()))


def below(accepted: AcceptedStatement, rule: Rule, said: frozenset[str]) -> RejectedStatement:
    """The refusal of what too few said."""
    missing = sorted(rule.holders - said)
    listed: Sequence[str] = missing[:8]
    more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
    return RejectedStatement(
        code="provenance.threshold",
        why=(
            f"Rule {rule.number} demands {rule.threshold} holders to say it, and {len(said)} did: "
            f"{', '.join(sorted(said)) or 'none'}. Missing: {rule.threshold - len(said)} of "
            f"{', '.join(listed)}{more}."
        ),
        remedy="Have one of those who are missing state the same about this artifact.",
        predicate_type=accepted.statement.predicate_type,
        source=accepted.source,
    )

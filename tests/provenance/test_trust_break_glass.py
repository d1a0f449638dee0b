"""Break-glass: two persons, one artifact, an end; never by one, never by a pattern."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from govkernel.domain import AcceptedStatement, ArtifactKind, Evidence
from govkernel.domain.predicates import BREAK_GLASS
from govkernel.errors import ConfigError
from govkernel.facts import evidence_facts
from govkernel.provenance import TrustPolicy
from tests.provenance.conftest import NOW
from tests.provenance.test_trust_threshold import judged, trust

UNTIL = NOW + timedelta(hours=6)
GLASS = {"reason": "Patients wait.", "validUntil": UNTIL.isoformat()}
POLICY = trust("rules: [{signers: [ann, ann2, bob, cid], may: [break-glass], threshold: 2}]")


def broken(*signers: str, policy: TrustPolicy = POLICY, now: datetime = NOW) -> bool:
    """Whether a policy pack would see it."""
    accepted, _ = judged(policy, *((signer, "break-glass", GLASS) for signer in signers), now=now)
    facts = evidence_facts(Evidence(accepted=tuple(accepted)), now, ArtifactKind.MODEL)
    assert not facts["signed"]
    assert facts["approvals"] == 0
    return BREAK_GLASS in facts["predicateTypes"]


@pytest.mark.parametrize(
    ("signers", "seen"),
    [(("ann",), False), (("ann", "ann2"), False), (("ann", "bob"), True), (("bob", "eve"), False)],
    ids=str,
)
def test_two_persons_break_the_glass(signers: tuple[str, ...], seen: bool) -> None:
    assert broken(*signers) is seen


def test_both_sign_the_same_reason_and_end() -> None:
    longer = {**GLASS, "validUntil": (UNTIL + timedelta(days=365)).isoformat()}
    accepted, rejected = judged(POLICY, ("ann", "break-glass", GLASS), ("bob", "break-glass", longer))
    assert not accepted
    assert {item.code for item in rejected} == {"provenance.threshold"}


def test_it_ends() -> None:
    assert broken("ann", "bob", now=UNTIL - timedelta(seconds=1))
    accepted, rejected = judged(
        POLICY, ("ann", "break-glass", GLASS), ("bob", "break-glass", GLASS), now=UNTIL
    )
    assert not accepted
    assert {item.code for item in rejected} == {"provenance.break-glass-expired"}
    [one, other], _ = judged(POLICY, ("ann", "break-glass", GLASS), ("bob", "break-glass", GLASS))
    assert isinstance(one, AcceptedStatement)
    assert one.valid_until == other.valid_until == UNTIL.astimezone(UTC)


def test_a_pattern_does_not_cover_it() -> None:
    for pattern in ("*", "https://govkernel.dev/*"):
        policy = trust(f"rules: [{{signers: [ann, bob], may: ['{pattern}'], threshold: 2}}]")
        assert not broken("ann", "bob", policy=policy)


@pytest.mark.parametrize("name", ["break-glass", BREAK_GLASS])
def test_one_person_may_not_be_enough(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        trust(f"rules: [{{signers: [ann, bob], may: ['{name}']}}]")
    assert caught.value.code == "trust.malformed"
    assert "Rule 1" in caught.value.why

"""N of M: what counts towards a threshold, and what does not."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import AcceptedStatement, Artifact, ArtifactKind, Digest, RejectedStatement, Signer
from govkernel.errors import ConfigError
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance import KeyVerifier, LocalKey, TrustPolicy, attest
from tests.provenance.conftest import NOW

MODEL = Artifact(kind=ArtifactKind.MODEL, name="mlflow://models/m/1", digest=Digest.sha256("ab" * 32))
CARD = {"license": "MIT", "riskClass": "minimal", "intendedUse": "Greeting."}
APPROVE = {"approver": "somebody", "role": "risk-officer", "decision": "approve"}
KEYS = {name: LocalKey.generate("ed25519") for name in ("ann", "ann2", "bob", "cid", "eve")}
HOLDER = {"ann2": "ann"}


def trust(rules: str) -> TrustPolicy:
    """Keys of four persons, of which ann has two, under some rules."""
    keys = [
        {"name": name, "publicKey": key.public_key_pem().decode(), "holder": HOLDER.get(name)}
        for name, key in KEYS.items()
    ]
    return TrustPolicy.parse(f"version: 1\nkeys: {json.dumps(keys)}\n{rules}".encode())


TWO = trust("rules: [{signers: [ann, ann2, bob, cid], may: [model-card, approval], threshold: 2}]")


def judged(
    policy: TrustPolicy, *said: tuple[str, str, dict[str, object]], now: datetime = NOW
) -> tuple[list[AcceptedStatement], list[RejectedStatement]]:
    """What becomes of statements, each (signer, type, predicate)."""
    accepted: list[AcceptedStatement] = []
    rejected: list[RejectedStatement] = []
    for signer, kind, predicate in said:
        bundle = Bundle(content=attest(MODEL, kind, predicate, KEYS[signer]), source=signer)
        verified = KeyVerifier(policy.keys).verify(bundle, MODEL, now)
        assert isinstance(verified, VerifiedStatement)
        outcome = policy.judge(verified, MODEL, now)
        (accepted if isinstance(outcome, AcceptedStatement) else rejected).append(outcome)  # type: ignore[arg-type]
    standing, fallen = policy.settle(accepted, MODEL, now)
    return list(standing), [*rejected, *fallen]


def cards(*signers: str, **changes: str) -> list[tuple[str, str, dict[str, object]]]:
    return [(signer, "model-card", {**CARD, **changes}) for signer in signers]


@pytest.mark.parametrize(
    ("signers", "stand"),
    [
        (["ann"], False),
        (["ann", "ann"], False),
        (["ann", "ann2"], False),
        (["ann", "bob"], True),
        (["ann2", "cid"], True),
        (["ann", "ann2", "bob"], True),
        (["ann", "eve"], False),
    ],
    ids=str,
)
def test_holders_are_counted_not_signatures(signers: list[str], stand: bool) -> None:
    accepted, rejected = judged(TWO, *cards(*signers))
    assert bool(accepted) is stand
    codes = {item.code.removeprefix("provenance.") for item in rejected}
    assert codes <= {"threshold", "signer-not-trusted"}
    assert ("threshold" in codes) is not stand


def test_the_refusal_names_who_is_missing() -> None:
    _, [refused] = judged(TWO, *cards("ann2"))
    assert refused.code == "provenance.threshold"
    assert "Rule 1 demands 2" in refused.why
    assert "1 did: ann." in refused.why
    assert "bob, cid" in refused.why
    assert "ann2" not in refused.why
    assert refused.predicate_type.endswith("/model-card/v1")
    assert refused.source == "ann2"
    assert refused.remedy


def test_evidence_names_the_holder() -> None:
    accepted, _ = judged(TWO, *cards("ann2", "bob"))
    assert [item.signers[0].name for item in accepted] == ["ann", "bob"]
    assert accepted[0].signers[0].key_id == KEYS["ann2"].key_id


def test_types_are_counted_apart() -> None:
    accepted, rejected = judged(TWO, *cards("ann"), ("bob", "approval", APPROVE))
    assert not accepted
    assert [item.code for item in rejected] == ["provenance.threshold"] * 2


def test_they_must_say_the_same() -> None:
    """Two made some statement of the type; what one of them adds alone is still said alone."""
    agreed, alone = cards("ann", "bob"), cards("ann", license="GPL-3.0-only")
    accepted, [refused] = judged(TWO, *agreed, *alone)
    assert len(accepted) == 2
    assert refused.code == "provenance.threshold"
    assert judged(TWO, *cards("ann"), *cards("bob", license="GPL-3.0-only"))[0] == []


def test_approvals_agree_whatever_else_they_say() -> None:
    other = {**APPROVE, "approver": "bob", "role": "owner", "comment": "Fine."}
    accepted, _ = judged(TWO, ("ann", "approval", APPROVE), ("bob", "approval", other))
    assert len(accepted) == 2


def test_rules_are_counted_apart() -> None:
    policy = trust(
        "rules: [{signers: [ann, bob], may: [model-card], threshold: 2},"
        " {signers: [ann, cid], may: [model-card], threshold: 2}]"
    )
    assert judged(policy, *cards("bob", "cid"))[0] == []
    both, _ = judged(policy, *cards("ann", "bob", "cid"))
    assert len(both) == 3


def test_a_rule_without_threshold_needs_no_company() -> None:
    policy = trust(
        "rules: [{signers: [ann, bob], may: [model-card], threshold: 2, until: 2027-01-01T00:00:00Z},"
        " {signers: [ann], may: [model-card], until: 2026-07-01T00:00:00Z}]"
    )
    [alone], _ = judged(policy, *cards("ann"))
    assert alone.valid_until == datetime(2026, 7, 1, tzinfo=UTC)  # not that of the rule which is not met
    accepted, _ = judged(policy, *cards("ann", "bob"))
    assert {item.valid_until for item in accepted} == {datetime(2027, 1, 1, tzinfo=UTC)}


def test_approvals_that_reject_or_lapsed_do_not_count() -> None:
    reject = ("bob", "approval", {**APPROVE, "decision": "reject"})
    lapsed = ("bob", "approval", {**APPROVE, "validUntil": "2026-01-01T00:00:00Z"})
    for second in (reject, lapsed):
        accepted, rejected = judged(TWO, ("ann", "approval", APPROVE), second)
        assert [item.code for item in rejected][:1] == ["provenance.threshold"]
        assert not any(item.statement.predicate["decision"] == "approve" for item in accepted)


def test_a_rejecting_approval_is_heard_alone() -> None:
    [heard], _ = judged(TWO, ("bob", "approval", {**APPROVE, "decision": "reject"}))
    assert heard.signers[0].name == "bob"


@given(st.sets(st.sampled_from(sorted(KEYS))), st.integers(1, 3))
def test_what_stands_was_said_by_enough_holders(signers: set[str], threshold: int) -> None:
    policy = THRESHOLDS[threshold]
    accepted, rejected = judged(policy, *cards(*sorted(signers)))
    holders = {HOLDER.get(name, name) for name in signers - {"eve"}}
    assert bool(accepted) is (bool(holders) and len(holders) >= threshold)
    assert len(accepted) + len(rejected) == len(signers)


THRESHOLDS = {
    number: trust(f"rules: [{{signers: [ann, ann2, bob, cid], may: [model-card], threshold: {number}}}]")
    for number in (1, 2, 3)
}


def test_the_order_of_bundles_does_not_matter() -> None:
    for order in itertools.permutations(cards("ann", "ann2", "bob", "eve")):
        accepted, rejected = judged(TWO, *order)
        assert sorted(item.source for item in accepted) == ["ann", "ann2", "bob"]
        assert [item.source for item in rejected] == ["eve"]


@pytest.mark.parametrize(
    ("threshold", "signers", "fits"),
    [(2, "ann, ann2", False), (3, "ann, ann2, bob", False), (2, "ann, bob", True), (0, "ann", False)],
)
def test_a_threshold_that_cannot_be_met_is_malformed(threshold: int, signers: str, fits: bool) -> None:
    text = f"rules: [{{signers: [{signers}], may: [approval], threshold: {threshold}}}]"
    if fits:
        assert trust(text).rules[0].threshold == threshold
        return
    with pytest.raises(ConfigError) as caught:
        trust(text)
    assert caught.value.code == "trust.malformed"


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("single-key", "sha256:ff9571353b9548b976bdc06a625fe96f8c8a4fb2ac1cb4903f288c276c7e979a"),
        ("team", "sha256:afb28a4834ce5c8332327ca0360c8d2a549a2a19853b1871092948810961bb5c"),
    ],
)
def test_files_from_before_thresholds_keep_their_digest(name: str, digest: str) -> None:
    path = Path(__file__).parents[2] / "attestations" / "trust" / f"{name}.yaml"
    assert str(TrustPolicy.load(path).digest) == digest


@pytest.mark.parametrize(
    ("identities", "stands"),
    [
        ((("pipeline", "https://ci/x"),), False),
        ((("pipeline", "https://ci/x"), ("owner", "ann@x")), False),
    ],
)
def test_one_certificate_is_one_holder_however_many_its_identities_fit(
    identities: tuple[tuple[str, str], ...], stands: bool
) -> None:
    """One signature by a certificate with two names; and one whose name fits two entries."""
    entries = [
        {"name": "pipeline", "identity": {"glob": "https://ci/*"}, "issuer": "https://i"},
        {"name": "release", "identity": "https://ci/x", "issuer": "https://i"},
        {"name": "owner", "identity": "ann@x", "issuer": "https://i"},
    ]
    rule = {"signers": ["pipeline", "release", "owner"], "may": ["model-card"], "threshold": 2}
    policy = TrustPolicy.parse(json.dumps({"version": 1, "identities": entries, "rules": [rule]}).encode())
    [mine], _ = judged(trust("rules: [{signers: [ann], may: [model-card]}]"), *cards("ann"))
    signers = tuple(Signer(name="", identity=name, issuer="https://i") for _, name in identities)
    said = VerifiedStatement(statement=mine.statement, signers=signers, source="s")
    accepted = policy.judge(said, MODEL, NOW)
    assert isinstance(accepted, AcceptedStatement)
    standing, [fallen] = policy.settle([accepted], MODEL, NOW)
    assert bool(standing) is stands
    assert fallen.code == "provenance.threshold"

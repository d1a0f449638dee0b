"""Delegation: never more than the delegator may say, gone with it at once, and no second voice."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import (
    AcceptedStatement,
    Artifact,
    ArtifactKind,
    Digest,
    Evidence,
    Judged,
    RejectedStatement,
    Signer,
)
from govkernel.errors import ConfigError, GovkernelError
from govkernel.facts import evidence_facts
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance import (
    CurrentTrust,
    KeyVerifier,
    LocalKey,
    PassedOver,
    TrustPolicy,
    attest,
    read_list,
    sign_list,
)
from govkernel.provenance.delegation import Delegation, in_force, read_delegation, sign_delegation
from govkernel.provenance.trust_explain import explain
from tests.provenance.conftest import NOW
from tests.simulators.lying_signer import signed, statement

HEX = "ab" * 32
MODEL = Artifact(kind=ArtifactKind.MODEL, name="mlflow://models/search-a/1", digest=Digest.sha256(HEX))
CARD = {"license": "MIT", "riskClass": "minimal", "intendedUse": "Greeting."}
LEAD, BOB, CI, SECURITY = (LocalKey.generate("ed25519") for _ in range(4))
NAMES = {"lead": LEAD, "bob": BOB, "security": SECURITY}
RULE = {"signers": ["lead"], "may": ["model-card"], "delegable": True}
SCOPE = {"from": "2026-05-01T00:00:00Z", "until": "2026-07-01T00:00:00Z", "may": ["model-card"]}


def trust(*rules: dict[str, Any], lead: dict[str, Any] | None = None, **more: Any) -> TrustPolicy:
    """A policy in which security may revoke."""
    keys = [
        {"name": name, "publicKey": pem(key), **(lead or {} if name == "lead" else {})}
        for name, key in NAMES.items()
    ]
    revoke = {"signers": ["security"], "may": ["revocation"]}
    document = {"version": 1, "keys": keys, "rules": [*(rules or (RULE,)), revoke], **more}
    return TrustPolicy.parse(json.dumps(document).encode())


def pem(key: LocalKey) -> str:
    return key.public_key_pem().decode()


def to(key: LocalKey = CI, name: str = "ci") -> dict[str, Any]:
    return {"name": name, "publicKey": pem(key)}


def delegated(by: LocalKey = LEAD, **changes: Any) -> bytes:
    return sign_delegation({**SCOPE, "to": [to()], **changes}, by)


def read(policy: TrustPolicy, content: bytes) -> Delegation | PassedOver:
    return read_delegation(Bundle(content=content, source="d"), policy.keys, policy.signers, policy.rules)


def letting(policy: TrustPolicy, *contents: bytes) -> TrustPolicy:
    """The policy with delegations in force."""
    found = [read(policy, content) for content in contents or (delegated(),)]
    assert all(isinstance(item, Delegation) for item in found), found
    return policy.delegating(found)  # type: ignore[arg-type]


def said(
    policy: TrustPolicy,
    *signers: LocalKey,
    artifact: Artifact = MODEL,
    kind: str = "model-card",
    claim: dict[str, Any] | None = None,
    now: datetime = NOW,
) -> tuple[list[AcceptedStatement], list[RejectedStatement]]:
    """What stands of one claim by each signer."""
    accepted: list[AcceptedStatement] = []
    rejected: list[RejectedStatement] = []
    for signer in signers:
        bundle = Bundle(content=attest(artifact, kind, claim or CARD, signer), source=signer.key_id[:8])
        found = KeyVerifier(policy.known_keys).verify(bundle, artifact, now)
        outcome = policy.judge(found, artifact, now) if isinstance(found, VerifiedStatement) else found
        (accepted if isinstance(outcome, AcceptedStatement) else rejected).append(outcome)  # type: ignore[arg-type]
    standing, fallen = policy.settle(accepted, artifact, now)
    return list(standing), [*rejected, *fallen]


def code(policy: TrustPolicy, *signers: LocalKey, **how: Any) -> str:
    accepted, rejected = said(policy, *(signers or (CI,)), **how)
    return "" if accepted else rejected[0].code.removeprefix("provenance.")


def test_a_delegate_speaks_in_the_name_of_the_holder() -> None:
    assert code(trust()) == "signer-not-trusted"
    [accepted], _ = said(letting(trust(lead={"holder": "search-team"})), CI)
    assert accepted.signers == (Signer(name="search-team", key_id=CI.key_id, delegate="ci"),)
    assert accepted.valid_until == datetime(2026, 7, 1, tzinfo=UTC)


OWNER = {"kind": "approval", "claim": {"approver": "a", "role": "r", "decision": "approve"}}
END, BEFORE = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def elsewhere(**about: list[str]) -> bytes:
    return delegated(about=about)


def ruled(**changes: Any) -> TrustPolicy:
    return letting(trust({**RULE, **changes}))


REFUSED: dict[str, tuple[TrustPolicy, dict[str, Any], str]] = {
    "another type": (ruled(may=["*"]), OWNER, "predicate-not-allowed"),
    "a type that the rule has not": (letting(trust(), delegated(may=["*"])), OWNER, "predicate-not-allowed"),
    "another kind": (letting(trust(), elsewhere(kinds=["prompt"])), {}, "kind-not-allowed"),
    "another name": (letting(trust(), elsewhere(names=["mlflow://models/x-*"])), {}, "name-not-allowed"),
    "a kind that the rule has not": (ruled(about={"kinds": ["prompt"]}), {}, "kind-not-allowed"),
    "a name that the rule has not": (ruled(about={"names": ["mlflow://models/a*"]}), {}, "name-not-allowed"),
    "too late": (letting(trust()), {"now": END}, "delegation-expired"),
    "too early": (letting(trust()), {"now": BEFORE}, "delegation-not-yet-valid"),
    "a rule that is over": (ruled(until="2026-05-15T00:00:00Z"), {}, "rule-expired"),
    "a key that is over": (letting(trust(lead={"notAfter": "2026-05-15T00:00:00Z"})), {}, "key-expired"),
    "a delegator who is revoked": (letting(trust(revoked={"keys": ["lead"]})), {}, "revoked"),
    "a delegate who is revoked": (letting(trust(revoked={"keys": [CI.key_id]})), {}, "revoked"),
    "a delegation that is revoked": (
        letting(trust(revoked={"digests": [str(read(trust(), delegated()).digest)]})),  # type: ignore[union-attr]
        {},
        "revoked",
    ),
    "a rule that is not delegable": (
        letting(trust({**RULE, "may": ["approval"]}, {"signers": ["lead"], "may": ["model-card"]})),
        {},
        "predicate-not-allowed",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_beyond_either_scope_is_refused(why: str) -> None:
    policy, how, expected = REFUSED[why]
    assert code(policy, **how) == expected
    _, [refused] = said(policy, CI, **how)
    assert "By the delegation of lead to ci" in refused.why or expected == "revoked"
    assert refused.remedy


PASSED_OVER: dict[str, tuple[bytes, str]] = {
    "who may not delegate": (delegated(BOB), "provenance.not-delegable"),
    "a stranger": (delegated(CI), "provenance.signer-not-trusted"),
    "something else": (attest(MODEL, "model-card", CARD, LEAD), "provenance.other-predicate"),
    "nonsense": (b"{}", "json."),
    "nothing": (b"", "json."),
}


@pytest.mark.parametrize("who", PASSED_OVER)
def test_a_delegation_that_is_none_is_passed_over(who: str) -> None:
    content, expected = PASSED_OVER[who]
    found = read(trust(), content)
    assert isinstance(found, PassedOver)
    assert found.code.startswith(expected) or expected == "json."
    assert found.why


def test_a_delegate_cannot_delegate() -> None:
    policy = letting(trust())
    again = read_delegation(
        Bundle(content=delegated(CI, to=[to(BOB, "x")]), source="d"),
        policy.keys,
        policy.signers,
        policy.rules,
    )
    assert isinstance(again, PassedOver)


@pytest.mark.parametrize(
    "changes",
    [
        {"until": "2026-04-01T00:00:00Z"},
        {"until": SCOPE["from"]},
        {"may": ["zebra"]},
        {"to": [to(), to(BOB)]},
        {"to": []},
        {"to": [to(name=str(number)) for number in range(33)]},
        {"to": [{"name": "ci", "publicKey": "no key"}]},
        {"to": [{"name": "ci", "identity": {"regex": "("}, "issuer": "https://i"}]},
        {"to": [{"name": "ci", "identity": "a@b"}]},
        {"to": [{"name": "ci"}]},
        {"to": [{"name": "a b", "publicKey": pem(CI)}]},
        {"about": {"names": []}},
        {"about": {"kinds": ["zebra"]}},
        {"surprise": 1},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_delegation_that_makes_no_sense_is_not_signed(changes: dict[str, Any]) -> None:
    with pytest.raises(GovkernelError) as caught:
        delegated(**changes)
    assert caught.value.code in {
        "provenance.predicate-invalid",
        "provenance.delegation-malformed",
        "key.malformed",
    }


def test_glass_is_not_broken_by_delegates() -> None:
    with pytest.raises(ConfigError) as caught:
        trust({"signers": ["lead", "bob"], "may": ["break-glass"], "threshold": 2, "delegable": True})
    assert "may not be delegable" in caught.value.why


def test_identities_are_delegated_to_as_well() -> None:
    policy = letting(
        trust(), delegated(to=[{"name": "ci", "identity": {"glob": "https://ci/*"}, "issuer": "https://i"}])
    )
    [mine], _ = said(trust({"signers": ["lead"], "may": ["model-card"]}), LEAD)
    for identity, fine in (("https://ci/x", True), ("https://ci/x/y", False)):
        signer = Signer(name="", identity=identity, issuer="https://i")
        outcome = policy.judge(
            VerifiedStatement(statement=mine.statement, signers=(signer,), source=""), MODEL, NOW
        )
        assert isinstance(outcome, AcceptedStatement) is fine


TWO = {"signers": ["lead", "bob"], "may": ["model-card"], "threshold": 2, "delegable": True}


@pytest.mark.parametrize(
    ("delegations", "signers", "stands"),
    [
        ([LEAD], [CI], False),
        ([LEAD], [CI, LEAD], False),
        ([LEAD], [CI, BOB], True),
        ([LEAD, BOB], [CI], False),
        ([LEAD, BOB], [CI, LEAD], True),
        ([LEAD, BOB], [CI, BOB], True),
        ([LEAD], [LEAD, BOB], True),
    ],
    ids=str,
)
def test_a_delegate_is_no_second_holder(
    delegations: list[LocalKey], signers: list[LocalKey], stands: bool
) -> None:
    policy = letting(trust(TWO), *(delegated(by) for by in delegations))
    for order in itertools.permutations(signers):
        assert bool(said(policy, *order)[0]) is stands


def test_a_delegate_of_two_approves_once() -> None:
    rule = {"signers": ["lead", "bob"], "may": ["approval"], "delegable": True}
    policy = letting(trust(rule), *(delegated(by, may=["approval"]) for by in (LEAD, BOB)))
    claim = {"approver": "ci", "role": "owner", "decision": "approve"}
    for signers, count in (([CI], 1), ([CI, LEAD], 2), ([LEAD, BOB], 2), ([CI, LEAD, BOB], 2)):
        accepted, _ = said(policy, *signers, kind="approval", claim=claim)
        evidence = Evidence(subject=MODEL.digest, accepted=tuple(accepted))
        assert evidence_facts(evidence, NOW, ArtifactKind.MODEL)["approvals"] == count


@pytest.mark.parametrize("target", ["key", "statement"])
def test_a_revocation_list_takes_the_delegate_along_even_since_later(target: str) -> None:
    policy = trust()
    digest = str(read(policy, delegated()).digest)  # type: ignore[union-attr]
    entry = {"key": LEAD.key_id} if target == "key" else {"statement": digest}
    since = {"since": "2026-05-30T00:00:00Z"} if target == "key" else {}
    listed = read_list(
        Bundle(content=sign_list([{**entry, "reason": "Left.", **since}], SECURITY, NOW), source="l"),
        policy.keys, policy.signers, policy.rules,
    )  # fmt: skip
    assert not isinstance(listed, PassedOver)
    revoked = letting(policy.revoking([listed]))
    assert code(revoked) == "revoked"
    [refused] = said(revoked, CI)[1]
    assert "Left." in refused.why
    # a verified time of the delegate's signature proves nothing about when the delegation was signed
    [mine], _ = said(letting(policy), CI)
    early = VerifiedStatement(
        statement=mine.statement,
        signers=(Signer(name="", key_id=CI.key_id),),
        source="",
        signed_at=NOW - timedelta(days=20),
    )
    assert isinstance(revoked.judge(early, MODEL, NOW), RejectedStatement)


def test_a_verified_time_keeps_what_a_holder_signed_and_nothing_of_its_delegates() -> None:
    ended = trust(lead={"notAfter": "2026-05-15T00:00:00Z"})
    [card], _ = said(letting(trust()), CI)

    def judged(
        policy: TrustPolicy, key: LocalKey, now: datetime = NOW
    ) -> AcceptedStatement | RejectedStatement:
        signers = (Signer(name="", key_id=key.key_id),)
        early = VerifiedStatement(
            statement=card.statement, signers=signers, source="", signed_at=NOW - timedelta(days=20)
        )
        return policy.judge(early, MODEL, now)

    own = judged(ended, LEAD)
    assert isinstance(own, AcceptedStatement)
    assert own.valid_until is None
    for policy, now, expected in (
        (letting(ended), NOW, "provenance.key-expired"),
        (letting(trust()), END, "provenance.delegation-expired"),
    ):
        outcome = judged(policy, CI, now)
        assert isinstance(outcome, RejectedStatement)
        assert outcome.code == expected
    theirs = judged(letting(trust()), CI)
    assert isinstance(theirs, AcceptedStatement)
    assert theirs.valid_until == END, "a time that was verified is no longer delegation"


def test_two_names_of_one_local_artifact_do_not_add_up() -> None:
    """A statement may name its subject twice; the name that the rule is about must be the one that was delegated."""
    policy = letting(trust({**RULE, "about": {"names": ["search-*"]}}), delegated(about={"names": ["*-x"]}))
    local = Artifact(kind=ArtifactKind.MODEL, name="file:m", digest=Digest.sha256(HEX))
    uri = "https://govkernel.dev/attestations/model-card/v1"
    for names, fine in ((["search-a", "b-x"], False), (["search-x"], True)):
        claim = statement(HEX, uri, CARD)
        claim["subject"] = [{"name": name, "digest": {"sha256": HEX}} for name in names]
        found = KeyVerifier(policy.known_keys).verify(
            Bundle(content=signed(claim, CI), source="s"), local, NOW
        )
        assert isinstance(found, VerifiedStatement)
        assert isinstance(policy.judge(found, local, NOW), AcceptedStatement) is fine


MAY = st.sets(st.sampled_from(["model-card", "approval", "evaluation-result", "*"]), min_size=1).map(sorted)
KINDS = st.sets(st.sampled_from(["model", "prompt"])).map(sorted)
PATTERNS = st.lists(
    st.sampled_from(["*", "mlflow://models/search-*", "mlflow://models/*/1", "x*"]), min_size=1, max_size=2
)
WINDOW = st.sampled_from([{}, {"until": "2026-05-20T00:00:00Z"}, {"from": "2026-06-20T00:00:00Z"}])
ABOUT = st.fixed_dictionaries({"kinds": KINDS, "names": PATTERNS})
RULES = st.lists(
    st.builds(
        lambda may, about, window, free: {**RULE, "may": may, "about": about, "delegable": free, **window},
        MAY, ABOUT, WINDOW, st.booleans(),
    ),
    min_size=1, max_size=3,
)  # fmt: skip
CLAIMS = {
    "model-card": CARD,
    "approval": {"approver": "a", "role": "r", "decision": "approve"},
}


@settings(max_examples=150, deadline=None)
@given(
    RULES,
    MAY,
    ABOUT,
    st.sampled_from(sorted(CLAIMS)),
    st.sampled_from(["model", "prompt"]),
    st.integers(-40, 40),
)
def test_a_delegate_never_says_what_its_delegator_could_not(
    rules: list[dict[str, Any]], may: list[str], about: dict[str, Any], kind: str, what: str, days: int
) -> None:
    policy = trust(*rules, {"signers": ["lead"], "may": ["vsa"], "delegable": True})
    policy = letting(policy, delegated(may=may, about=about))
    artifact = MODEL.model_copy(update={"kind": ArtifactKind(what)})
    now = NOW + timedelta(days=days)
    theirs, _ = said(policy, CI, artifact=artifact, kind=kind, claim=CLAIMS[kind], now=now)
    mine, _ = said(policy, LEAD, artifact=artifact, kind=kind, claim=CLAIMS[kind], now=now)
    if theirs:
        assert mine
        assert (theirs[0].valid_until or now) <= datetime(2026, 7, 1, tzinfo=UTC)
        own = {grant.rule.number for grant in policy.grants(mine[0], artifact, now)}
        assert {grant.rule.number for grant in policy.grants(theirs[0], artifact, now)} <= own


def test_order_and_repetition_change_nothing() -> None:
    policy = trust(RULE, {**RULE, "signers": ["bob"]})
    contents = (delegated(), delegated(BOB, reason="x"), delegated(about={"kinds": ["model"]}))
    found = [item for item in (read(policy, content) for content in contents) if isinstance(item, Delegation)]
    orders = [*itertools.permutations(found), (*found, *found)]
    digests = {policy.delegating(in_force(order)[0]).digest for order in orders}
    assert len(digests) == 1
    assert digests != {policy.digest}


def test_who_delegates_to_too_many_delegates_to_nobody() -> None:
    keys = [LocalKey.generate("ed25519") for _ in range(17)]
    policy = trust(RULE, {**RULE, "signers": ["bob"]})
    many = [
        delegated(to=[to(key, f"n{number}") for number, key in enumerate(part)]) for part in (keys, keys[:16])
    ]
    others = delegated(BOB)
    fine, over = in_force(read(policy, content) for content in (*many, others))  # type: ignore[misc]
    assert [item.by.name for item in fine] == ["bob"]
    assert {item.code for item in over} == {"provenance.delegates-many"}


def test_files_come_and_go(tmp_path: Path) -> None:
    folder = tmp_path / "delegations"
    current = CurrentTrust(trust(), tmp_path / "revocations", folder)
    before = current.digest
    assert before == trust().digest
    folder.mkdir()
    place = folder / "a.sigstore.json"
    place.write_bytes(delegated())
    (folder / "b.sigstore.json").write_bytes(b"nonsense")
    assert current.digest != before
    assert code(current.now()) == ""
    assert {item.key.key_id for item in current.known_keys} > {LEAD.key_id, CI.key_id}
    assert [item.source.endswith("b.sigstore.json") for item in current.passed_over] == [True]
    place.unlink()
    assert current.digest == before
    assert code(current.now()) == "signer-not-trusted"


def test_a_folder_that_cannot_be_read_lets_nobody_speak(tmp_path: Path) -> None:
    folder = tmp_path / "delegations"
    folder.mkdir()
    (folder / "a.sigstore.json").write_bytes(delegated())
    current = CurrentTrust(trust(), tmp_path / "revocations", folder)
    with_it = current.digest
    (folder / "b.sigstore.json").symlink_to("nowhere")
    assert current.digest == trust().digest
    assert [item.code for item in current.passed_over] == ["trust.delegations"]
    (folder / "b.sigstore.json").unlink()
    assert current.digest == with_it
    assert current.passed_over == ()


def test_a_dangling_link_among_revocations_stops_decisions(tmp_path: Path) -> None:
    (tmp_path / "a.sigstore.json").symlink_to("nowhere")
    with pytest.raises(ConfigError) as caught:
        _ = CurrentTrust(trust(), tmp_path).digest
    assert caught.value.code == "trust.revocations"


def test_it_is_explained() -> None:
    policy = letting(trust(), delegated(reason="Measures."))
    accepted, _ = said(policy, CI)
    judged = Judged(artifact=MODEL, evidence=Evidence(subject=MODEL.digest, accepted=tuple(accepted)))
    document = explain(policy, judged, NOW)
    [found] = document["accepted"]
    [delegation] = document["delegations"]
    assert found["signers"] == [{"name": "lead", "key_id": CI.key_id, "delegate": "ci"}]
    assert found["delegations"] == [delegation["statement"]]
    assert (delegation["by"], delegation["to"], delegation["reason"]) == ("lead", ["ci"], "Measures.")
    assert delegation["unfit"] == ""
    late = explain(policy, judged, datetime(2026, 8, 1, tzinfo=UTC))
    assert late["delegations"][0]["state"] == "over"
    assert late["delegations"][0]["unfit"]


def test_records_without_delegates_read_as_before() -> None:
    plain = Signer(name="ann", key_id="ab")
    assert "delegate" not in plain.model_dump()
    assert "delegate" not in plain.model_dump_json()
    assert Signer.model_validate_json(plain.model_dump_json()) == plain
    stands_in = Signer(name="ann", key_id="ab", delegate="ci")
    assert Signer.model_validate_json(stands_in.model_dump_json()) == stands_in

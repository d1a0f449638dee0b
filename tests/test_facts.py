"""Facts from evidence: only what was said, the worst of it, and the same whatever the order it was found in."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import (
    AcceptedStatement,
    Artifact,
    ArtifactKind,
    Digest,
    Evidence,
    RejectedStatement,
    Signer,
    Statement,
    Subject,
    predicates,
)
from govkernel.facts import RISK_ORDER, artifact_facts, evidence_facts, statements

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DIGEST = Digest.sha256("ab" * 32)
SUMMARIES = {"evaluation", "piiScan", "modelCard", "promptRelease", "derivation", "fileSafety"}


def said(predicate_type: str, predicate: dict[str, Any], *signers: str) -> AcceptedStatement:
    """A statement that was accepted."""
    content = json.dumps([predicate_type, predicate], sort_keys=True).encode()
    return AcceptedStatement(
        statement=Statement(
            subjects=(Subject(digests=(DIGEST,)),),
            predicate_type=predicate_type,
            predicate=predicate,
            digest=Digest.sha256(hashlib.sha256(content).hexdigest()),
        ),
        signers=tuple(Signer(name=name) for name in signers or ("release",)),
    )


def on(minute: int) -> str:
    return (NOW + timedelta(minutes=minute)).isoformat()


def evaluation(suite: str = "s", score: float = 1.0, passed: bool = True, minute: int = 0) -> dict[str, Any]:
    return {"suite": {"name": suite}, "score": score, "passed": passed, "finishedOn": on(minute)}


def scan(
    scanner: str = "s",
    findings: int = 0,
    labels: tuple[str, ...] = (),
    complete: bool = True,
    minute: int = 0,
) -> dict[str, Any]:
    return {
        "scanner": {"name": scanner},
        "records": 10,
        "findings": findings,
        "entityTypes": dict.fromkeys(labels, 1),
        "complete": complete,
        "finishedOn": on(minute),
    }


def card(license: str = "MIT", risk: str = "minimal", use: str = "Chat.") -> dict[str, Any]:
    return {"license": license, "riskClass": risk, "intendedUse": use}


def approval(role: str = "risk-officer", decision: str = "approve", **more: Any) -> dict[str, Any]:
    return {"approver": "a", "role": role, "decision": decision, **more}


def facts(*accepted: AcceptedStatement, kind: ArtifactKind = ArtifactKind.MODEL) -> dict[str, Any]:
    return evidence_facts(Evidence(subject=DIGEST, accepted=accepted), NOW, kind)


NAMES = st.sampled_from(["a", "b", "c"])
MINUTES = st.integers(0, 2)
STATED = st.one_of(
    st.tuples(
        st.just(predicates.EVALUATION_RESULT),
        st.builds(evaluation, NAMES, st.sampled_from([0.1, 0.5, 1.0]), st.booleans(), MINUTES),
    ),
    st.tuples(
        st.just(predicates.PII_SCAN),
        st.builds(
            scan,
            NAMES,
            st.integers(0, 3),
            st.lists(NAMES, unique=True).map(tuple),
            st.booleans(),
            MINUTES,
        ),
    ),
    st.tuples(
        st.just(predicates.MODEL_CARD),
        st.builds(card, st.sampled_from(["MIT", "GPL-3.0"]), st.sampled_from(RISK_ORDER[1:]), NAMES),
    ),
    st.tuples(
        st.just(predicates.APPROVAL),
        st.builds(approval, NAMES, st.sampled_from(["approve", "reject"]), validUntil=MINUTES.map(on)),
    ),
    st.tuples(
        st.just(predicates.PROMPT_RELEASE),
        st.fixed_dictionaries({"version": NAMES, "environments": st.lists(NAMES)}),
    ),
    st.tuples(
        st.just(predicates.DERIVATION),
        st.fixed_dictionaries(
            {"method": NAMES, "bases": st.just([{"name": "b", "digest": {"sha256": "ab" * 32}}])}
        ),
    ),
    st.tuples(st.just(predicates.SIGNATURE), st.just({"kind": "model"})),
    st.tuples(st.just(predicates.OMS_SIGNATURE), st.just({"files": 1})),
    st.tuples(st.just("https://example.com/other"), st.fixed_dictionaries({"x": NAMES})),
)
ACCEPTED = st.lists(st.builds(lambda one, signer: said(*one, signer), STATED, NAMES), max_size=8)


@given(ACCEPTED, st.randoms())
def test_the_order_evidence_was_found_in_changes_no_fact(
    accepted: list[AcceptedStatement], random: Any
) -> None:
    shuffled = list(accepted)
    random.shuffle(shuffled)
    assert facts(*shuffled) == facts(*accepted)
    assert statements(shuffled) == statements(accepted)


@given(ACCEPTED)
def test_what_was_said_twice_counts_once(accepted: list[AcceptedStatement]) -> None:
    assert facts(*accepted, *accepted) == facts(*accepted)


@given(ACCEPTED)
def test_a_fact_is_there_exactly_when_somebody_said_it(accepted: list[AcceptedStatement]) -> None:
    types = {item.statement.predicate_type for item in accepted}
    found = facts(*accepted)
    assert found["signed"] is bool(types & {predicates.SIGNATURE, predicates.OMS_SIGNATURE})
    assert found["predicateTypes"] == sorted(types)
    expected = {
        "evaluation": predicates.EVALUATION_RESULT,
        "piiScan": predicates.PII_SCAN,
        "modelCard": predicates.MODEL_CARD,
        "promptRelease": predicates.PROMPT_RELEASE,
        "derivation": predicates.DERIVATION,
        "fileSafety": predicates.FILE_SAFETY,
    }
    assert found.keys() & SUMMARIES == {name for name, kind in expected.items() if kind in types}
    assert expected.keys() == SUMMARIES


@given(ACCEPTED, st.builds(lambda one: said(predicates.MODEL_CARD, one), st.builds(card)))
def test_more_cards_never_make_a_model_milder(
    accepted: list[AcceptedStatement], more: AcceptedStatement
) -> None:
    before = facts(*accepted, said(predicates.MODEL_CARD, card()))["modelCard"]["risk"]
    after = facts(*accepted, said(predicates.MODEL_CARD, card()), more)["modelCard"]["risk"]
    assert RISK_ORDER.index(after) >= RISK_ORDER.index(before)


def test_no_claim_about_an_artifact_is_a_signature_of_it() -> None:
    """An evaluator, or somebody who rejects, must not make an unsigned artifact a signed one."""
    rejecting = said(predicates.APPROVAL, approval(decision="reject"))
    assert not facts(rejecting)["signed"]
    assert not facts(said(predicates.EVALUATION_RESULT, evaluation()))["signed"]
    assert facts(rejecting, said(predicates.SIGNATURE, {"kind": "model"}))["signed"]


@pytest.mark.parametrize("kind", ArtifactKind)
def test_a_signature_counts_for_the_kind_that_was_signed(kind: ArtifactKind) -> None:
    """A model must not pass as a tokenizer, of which less is asked."""
    for signed in ArtifactKind:
        statement = said(predicates.SIGNATURE, {"kind": signed.value})
        assert facts(statement, kind=kind)["signed"] is (signed is kind)
    oms = said(predicates.OMS_SIGNATURE, {})
    assert facts(oms, kind=kind)["signed"] is (kind is ArtifactKind.MODEL)


def test_nothing_said_is_nothing_but_emptiness() -> None:
    assert facts() == {
        "signed": False,
        "signers": [],
        "predicateTypes": [],
        "rejections": [],
        "approvals": 0,
        "approverRoles": [],
    }


def test_what_was_rejected_is_a_code_and_never_a_claim() -> None:
    rejected = RejectedStatement(code="provenance.x", why="No.", predicate_type=predicates.MODEL_CARD)
    found = evidence_facts(Evidence(subject=DIGEST, rejected=(rejected, rejected)), NOW, ArtifactKind.MODEL)
    assert found["rejections"] == ["provenance.x"]
    assert not found["signed"]
    assert not found.keys() & SUMMARIES


# Evaluations and scans: the newest of each suite or scanner, the worst over all of them


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([evaluation(score=0.9), evaluation("t", 0.7)], (["s", "t"], 0.7, True)),
        ([evaluation(), evaluation("t", passed=False)], (["s", "t"], 1.0, False)),
        ([evaluation(score=0.2, passed=False, minute=1), evaluation(minute=2)], (["s"], 1.0, True)),
        ([evaluation(minute=1), evaluation(score=0.2, passed=False, minute=2)], (["s"], 0.2, False)),
        ([evaluation(score=0.2, passed=False), evaluation()], (["s"], 0.2, False)),
        ([evaluation(passed="true")], (["s"], 1.0, False)),  # type: ignore[arg-type]
        ([evaluation(passed=1)], (["s"], 1.0, False)),  # type: ignore[arg-type]
    ],
)
def test_evaluations(given: list[dict[str, Any]], expected: tuple[Any, ...]) -> None:
    for order in (given, given[::-1]):
        found = facts(*(said(predicates.EVALUATION_RESULT, item) for item in order))["evaluation"]
        assert (found["suites"], found["score"], found["passed"]) == expected


def test_a_result_dated_ahead_hides_no_failure() -> None:
    ahead = (NOW + timedelta(days=3650)).isoformat()
    passing = {**evaluation(), "finishedOn": ahead}
    failing = evaluation(score=0.2, passed=False)
    found = facts(*(said(predicates.EVALUATION_RESULT, item) for item in (passing, failing)))["evaluation"]
    assert (found["score"], found["passed"]) == (0.2, False)
    clean, dirty = {**scan(), "finishedOn": ahead}, {**scan(), "findings": 7}
    assert facts(*(said(predicates.PII_SCAN, item) for item in (clean, dirty)))["piiScan"]["findings"] == 7


def test_a_claim_that_its_own_numbers_contradict_is_taken_for_the_worse() -> None:
    below = {**evaluation(score=0.75), "threshold": 0.9}
    assert facts(said(predicates.EVALUATION_RESULT, below))["evaluation"]["passed"] is False
    at = {**evaluation(score=0.9), "threshold": 0.9}
    assert facts(said(predicates.EVALUATION_RESULT, at))["evaluation"]["passed"] is True
    clean = {**scan(findings=0), "entityTypes": {"PERSON": 4}}
    assert facts(said(predicates.PII_SCAN, clean))["piiScan"]["findings"] == 4


def test_the_newest_is_told_by_the_moment_and_not_by_its_spelling() -> None:
    early = evaluation(passed=False) | {"finishedOn": "2026-06-01T13:00:00+05:00"}  # 08:00 UTC
    late = evaluation() | {"finishedOn": "2026-06-01T09:00:00Z"}
    found = facts(*(said(predicates.EVALUATION_RESULT, item) for item in (late, early)))
    assert found["evaluation"]["passed"] is True


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([scan()], (0, [], True)),
        ([scan(findings=2, labels=("B", "A")), scan("t", 5, ("C",))], (5, ["A", "B", "C"], True)),
        ([scan(), scan("t", complete=False)], (0, [], False)),
        ([scan(findings=2, labels=("A",), minute=1), scan(minute=2)], (0, [], True)),
        ([scan(findings=2, labels=("A",)), scan()], (2, ["A"], True)),
        ([scan(complete=1)], (0, [], False)),  # type: ignore[arg-type]
    ],
)
def test_scans(given: list[dict[str, Any]], expected: tuple[Any, ...]) -> None:
    for order in (given, given[::-1]):
        found = facts(*(said(predicates.PII_SCAN, item) for item in order))["piiScan"]
        assert (found["findings"], found["entityTypes"], found["complete"]) == expected


def test_cards_that_differ_assert_no_licence_and_the_highest_risk() -> None:
    cards = [card("MIT", "high", "B."), card("GPL-3.0", "limited", "A.")]
    for order in (cards, cards[::-1]):
        assert facts(*(said(predicates.MODEL_CARD, item) for item in order))["modelCard"] == {
            "license": "NOASSERTION",
            "risk": "high",
            "intendedUse": "A. B.",
        }
    assert facts(said(predicates.MODEL_CARD, cards[0]))["modelCard"] == {
        "license": "MIT",
        "risk": "high",
        "intendedUse": "B.",
    }


# Approvals: each person once, and who also rejects not at all


@pytest.mark.parametrize(
    ("given", "roles"),
    [
        ([("ann", approval())], ["risk-officer"]),
        ([("ann", approval()), ("ann", approval(comment="again"))], ["risk-officer"]),
        ([("ann", approval()), ("bob", approval("owner"))], ["owner", "risk-officer"]),
        ([("ann", approval("owner")), ("ann", approval("auditor"))], ["auditor", "owner"]),
        ([("ann", approval()), ("ann", approval(decision="reject"))], []),
        ([("ann", approval()), ("bob", approval(decision="reject"))], ["risk-officer"]),
        ([("ann", approval(decision="Approve"))], []),
        ([("ann", approval(decision=None))], []),
        ([("ann", approval(validUntil=on(1)))], ["risk-officer"]),
        ([("ann", approval(validUntil=on(0)))], []),
        ([("ann", approval(validUntil=on(-1)))], []),
        ([("ann", approval(validUntil="2027-01-01T00:00:00"))], []),
        ([("ann", approval()), ("ann", approval(decision="reject", validUntil=on(-1)))], []),
    ],
)
def test_approvals(given: list[tuple[str, dict[str, Any]]], roles: list[str]) -> None:
    for order in (given, given[::-1]):
        found = facts(*(said(predicates.APPROVAL, claim, signer) for signer, claim in order))
        assert found["approverRoles"] == roles


def test_two_signers_of_one_approval_are_two() -> None:
    assert facts(said(predicates.APPROVAL, approval(), "ann", "bob"))["approvals"] == 2
    assert facts(*[said(predicates.APPROVAL, approval(role), "ann") for role in "xy"])["approvals"] == 1


def test_a_date_nobody_can_read_is_an_error_and_no_approval() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        facts(said(predicates.APPROVAL, approval(validUntil="for ever")))


# Artifacts


def test_no_artifact_has_the_same_facts_all_empty() -> None:
    none = artifact_facts(None)
    some = artifact_facts(Artifact(kind="model", name="m", digest=DIGEST, formats=("b", "a", "b")))
    assert none.keys() == some.keys()
    assert not any(none.values())
    assert (some["digest"], some["resolved"], some["formats"]) == (str(DIGEST), True, ["a", "b"])


def test_an_unresolved_artifact_has_no_digest() -> None:
    found = artifact_facts(Artifact(kind="model", name="m"))
    assert (found["digest"], found["resolved"]) == ("", False)


@pytest.mark.parametrize("digest", [DIGEST, None])
def test_formats_that_nobody_tells_are_unknown_and_never_none(digest: Digest | None) -> None:
    """An empty set would be within every list of formats that a pack allows."""
    assert artifact_facts(Artifact(kind="model", name="m", digest=digest))["formats"] == ["unknown"]

"""Facts of types that others defined: the worst of what was said, whatever the order, and what supersedes what."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import predicates
from govkernel.more_facts import MORE
from tests.test_facts import facts, said

ROOT = Path(__file__).parents[1] / "attestations"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NAMES = {uri: name for name, uri in predicates.SHORT_NAMES.items()}


def example(predicate_type: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / NAMES[predicate_type] / "example.json").read_text())
    return loaded


def on(hours: int) -> str:
    return (NOW + timedelta(hours=hours)).isoformat()


def vulns(*scores: object, hours: int = 0, scanner: str = "pkg:a@1") -> Any:
    result = [{"id": f"CVE-{number}", "severity": [{"score": score}]} for number, score in enumerate(scores)]
    return said(
        predicates.VULNS,
        {"scanner": {"uri": scanner, "result": result}, "metadata": {"scanFinishedOn": on(hours)}},
    )


def vsa(result: str = "PASSED", *levels: str, hours: int = 0, verifier: str = "v", policy: str = "p") -> Any:
    return said(
        predicates.VSA,
        {
            "verifier": {"id": verifier},
            "timeVerified": on(hours),
            "resourceUri": "x",
            "policy": {"uri": policy},
            "verificationResult": result,
            "verifiedLevels": levels,
        },
    )


def attacked(attempts: int, successes: int, *, passed: bool = True, hours: int = 0, **more: Any) -> Any:
    predicate = {
        "suite": {"name": "s"},
        "attempts": attempts,
        "successes": successes,
        "passed": passed,
        "finishedOn": on(hours),
    }
    return said(predicates.RED_TEAM_RESULT, predicate | more)


@pytest.mark.parametrize(
    ("fact", "predicate_type"), [(fact, kind) for fact, (types, _) in MORE.items() for kind in types[:2]]
)
def test_each_example_gives_its_fact_and_no_other(fact: str, predicate_type: str) -> None:
    found = facts(said(predicate_type, example(predicate_type)))
    assert found.keys() & MORE.keys() == {fact}


SAID = st.lists(
    st.one_of(
        st.builds(vulns, st.sampled_from(["9.8", 7.0, "HIGH", "n/a"]), hours=st.integers(-3, 1)),
        st.builds(
            vsa, st.sampled_from(["PASSED", "FAILED"]), st.sampled_from("ab"), hours=st.integers(-3, 1)
        ),
        st.builds(attacked, st.integers(0, 9), st.integers(0, 9), hours=st.integers(-3, 1)),
    ),
    max_size=6,
)


@given(SAID, st.randoms())
def test_the_order_evidence_was_found_in_changes_no_fact(accepted: list[Any], random: Any) -> None:
    shuffled = list(accepted)
    random.shuffle(shuffled)
    assert facts(*shuffled) == facts(*accepted)


def test_severities_are_read_as_words_and_as_scores() -> None:
    found = facts(vulns("9.8", 7, "Medium", "0.1", "whatever"))["vulnerabilities"]
    assert [found[name] for name in ("critical", "high", "medium", "low", "unrated")] == [1, 1, 1, 1, 1]


def test_a_newer_scan_by_the_same_scanner_supersedes_whatever_its_version() -> None:
    found = facts(vulns("9.8", hours=-2, scanner="pkg:a@1"), vulns(hours=-1, scanner="pkg:a@2"))[
        "vulnerabilities"
    ]
    assert (found["critical"], found["scannedOn"]) == (0, int((NOW - timedelta(hours=1)).timestamp()))
    other = facts(vulns("9.8", hours=-2, scanner="pkg:b@1"), vulns(hours=-1))["vulnerabilities"]
    assert (other["critical"], other["scannedOn"]) == (1, int((NOW - timedelta(hours=2)).timestamp()))


def test_one_verifier_that_failed_it_is_enough() -> None:
    assert facts(vsa(), vsa("FAILED", verifier="w"))["summary"]["passed"] is False
    assert facts(vsa("FAILED", hours=-1), vsa())["summary"]["passed"] is True


def test_levels_count_unless_a_verifier_says_that_their_policy_failed() -> None:
    assert facts(vsa("PASSED", "a"), vsa("PASSED", "b", verifier="w"))["summary"]["levels"] == ["a", "b"]
    failed = vsa("FAILED", "b", verifier="w")
    assert facts(vsa("PASSED", "a"), failed)["summary"]["levels"] == []
    other = vsa("FAILED", "b", verifier="w", policy="q")
    assert facts(vsa("PASSED", "a"), other)["summary"]["levels"] == ["a"]


def test_a_red_team_that_tried_nothing_showed_nothing() -> None:
    assert facts(attacked(0, 0))["redTeam"]["successRate"] == 1.0
    assert facts(attacked(0, 0, threshold=0.5))["redTeam"]["passed"] is False


def test_a_red_team_result_is_held_to_its_own_threshold() -> None:
    assert facts(attacked(100, 3, threshold=0.02))["redTeam"]["passed"] is False
    assert facts(attacked(100, 3, threshold=0.05))["redTeam"]["passed"] is True
    assert facts(attacked(30_000, 1))["redTeam"]["successRate"] == 0.0001


def test_both_spellings_of_spdx_are_one_fact() -> None:
    document = example(predicates.SPDX)
    one, two = said(predicates.SPDX, document), said(predicates.SPDX_PLAIN, document)
    assert facts(one)["bills"] == facts(two)["bills"] == {"formats": ["spdx"], "components": 1}


def test_cards_that_disagree_assert_no_licence_and_the_least_consent() -> None:
    card = example(predicates.DATASET_CARD)
    found = facts(
        said(predicates.DATASET_CARD, card),
        said(predicates.DATASET_CARD, card | {"license": "MIT", "consent": "withdrawn"}),
    )["datasetCard"]
    assert found == {"license": "NOASSERTION", "consent": "withdrawn", "personalData": False}

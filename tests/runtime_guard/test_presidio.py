"""Asking only the recognizers that can answer gives what asking all of them gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("presidio_analyzer", reason="install the extra: govkernel[guard]")
from runtime_guard.detectors.presidio import ENTITIES, LANGUAGE, THRESHOLD, PresidioDetector

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples" / "datasets"
PIECES = [
    "call me at ", "+1 212-555-0123", "(030) 1234", "0291 22", "jane.roe@example.com", "4111 1111 1111 1111",
    "078-05-1120", "my ssn is 536-90-4399", "DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "10.0.0.1",
    "2001:db8::1", "::1", "fe80::", "NHS 943 476 5919", "account 123456789012", "passport A1234567", "license H1234567",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "DEA BB1234563", "tax id 912-70-1234",
    "\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
    "\uff0b\uff11 \uff12\uff11\uff12 555 0123", "1-800-FLOWERS x12", " and ", "\n", "3 of 12", "v1.2.3.4", "12:30:45",
]  # fmt: skip


@pytest.fixture(scope="module")
def detector() -> PresidioDetector:
    return PresidioDetector()


def asked_all(detector: PresidioDetector, text: str) -> set[tuple[str, int, int, float]]:
    found = detector._analyzer.analyze(
        text, language=LANGUAGE, entities=list(ENTITIES), score_threshold=THRESHOLD
    )
    return {(item.entity_type, item.start, item.end, min(1.0, item.score)) for item in found}


def detected(detector: PresidioDetector, text: str) -> set[tuple[str, int, int, float]]:
    return {(item.label, item.start, item.end, item.score) for item in detector.detect(text, "user")}


@pytest.mark.parametrize("file", ["support-tickets-with-pii.jsonl", "support-tickets.jsonl"])
def test_on_the_example_datasets(detector: PresidioDetector, file: str) -> None:
    for line in (EXAMPLES / file).read_text(encoding="utf-8").splitlines():
        for text in json.loads(line).values():
            if isinstance(text, str):
                assert detected(detector, text) == asked_all(detector, text)


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_on_what_personal_data_is_made_of(detector: PresidioDetector, text: str) -> None:
    assert detected(detector, text) == asked_all(detector, text)


@settings(deadline=None)
@given(st.text(st.sampled_from("0123456789 -.()+:@abcDE/x\u0661\u2013"), max_size=40))
def test_on_anything_that_looks_like_it(detector: PresidioDetector, text: str) -> None:
    assert detected(detector, text) == asked_all(detector, text)


def test_every_entity_can_be_a_candidate(detector: PresidioDetector) -> None:
    assert {entity for entity, _ in detector._candidates} == set(ENTITIES)

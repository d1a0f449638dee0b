"""The detector finds what Presidio's engine finds with the same recognizers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.errors import ConfigError
from runtime_guard.detectors.presidio import THRESHOLD, PresidioDetector
from runtime_guard.patterns.recognizers import default_recognizers
from tests.runtime_guard.patterns.conftest import Peers

EXAMPLES = Path(__file__).parent.parent.parent.parent / "docs" / "examples" / "datasets"
PIECES = [
    "call me at ", "+1 212-555-0123", "(030) 1234", "0291 22", "jane.roe@example.com", "4111 1111 1111 1111",
    "078-05-1120", "my ssn is 536-90-4399", "DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "10.0.0.1",
    "2001:db8::1", "::1", "fe80::", "NHS 943 476 5919", "account 123456789012", "passport A1234567", "license H1234567",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "DEA BB1234563", "tax id 912-70-1234",
    "\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
    "\uff0b\uff11 \uff12\uff11\uff12 555 0123", "1-800-FLOWERS x12", " and ", "\n", "3 of 12", "v1.2.3.4", "12:30:45",
]  # fmt: skip


@pytest.fixture(scope="module")
def peers(detector: PresidioDetector) -> Peers:
    return Peers(detector.recognizers, threshold=THRESHOLD)


def detected(detector: PresidioDetector, text: str) -> list[tuple[str, int, int, float]]:
    return [(item.label, item.start, item.end, item.score) for item in detector.detect(text, "user")]


@pytest.mark.parametrize("file", ["support-tickets-with-pii.jsonl", "support-tickets.jsonl"])
def test_on_the_example_datasets(detector: PresidioDetector, peers: Peers, file: str) -> None:
    for line in (EXAMPLES / file).read_text(encoding="utf-8").splitlines():
        for text in json.loads(line).values():
            if isinstance(text, str):
                assert detected(detector, text) == peers.theirs(text)


@settings(deadline=None)
@given(text=st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_on_what_personal_data_is_made_of(detector: PresidioDetector, peers: Peers, text: str) -> None:
    assert detected(detector, text) == peers.theirs(text)


@settings(deadline=None)
@given(text=st.text(st.sampled_from("0123456789 -.()+:@abcDE/x\u0661\u2013"), max_size=40))
def test_on_anything_that_looks_like_it(detector: PresidioDetector, peers: Peers, text: str) -> None:
    assert detected(detector, text) == peers.theirs(text)


def test_labels_are_the_entities(detector: PresidioDetector) -> None:
    assert detector.labels == {entity for item in default_recognizers() for entity in item.supported_entities}
    assert PresidioDetector(entities=["URL"]).labels == {"URL"}


def test_a_country_is_switched_on() -> None:
    detector = PresidioDetector(countries=["de"])
    assert detector.labels > PresidioDetector().labels
    assert ("DE_VAT_ID", 4, 15) in [item[:3] for item in detected(detector, "USt DE136695976 bitte")]


def test_an_unknown_country_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"guard\.unknown-country") as error:
        PresidioDetector(countries=["atlantis"])
    assert error.value.code == "guard.unknown-country"


def test_a_registry_of_ones_own(tmp_path: Path) -> None:
    registry = tmp_path / "recognizers.yaml"
    registry.write_text(
        """
        supported_languages: [en]
        global_regex_flags: 26
        recognizers:
          - name: StaffNumber
            type: custom
            supported_language: en
            supported_entity: STAFF_NUMBER
            patterns: [{name: staff, regex: "\\\\bS-\\\\d{5}\\\\b", score: 0.3}]
            context: [staff]
        """
    )
    detector = PresidioDetector(registry=registry)
    assert detected(detector, "staff S-12345") == [("STAFF_NUMBER", 6, 13, 0.6499999999999999)]
    assert detected(detector, "other S-12345") == []


def test_a_broken_registry_is_refused(tmp_path: Path) -> None:
    registry = tmp_path / "recognizers.yaml"
    registry.write_text(
        "recognizers: [{name: X, type: custom, supported_entity: X, patterns: [{regex: '('}]}]"
    )
    with pytest.raises(ConfigError) as error:
        PresidioDetector(registry=registry)
    assert error.value.code == "guard.bad-recognizers"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Write to jane@acme.example.", ["jane@acme.example"]),
        ("bob@host.internal, j.roe@mail.corp.local", ["bob@host.internal", "j.roe@mail.corp.local"]),
        ("root@router.home.arpa; root@localhost", ["root@router.home.arpa"]),
        ("jane@acme.local.com and jane@acme.localized", ["jane@acme.local.com"]),
        ("@acme.example, a@example, user@@x.test", []),
    ],
)
def test_addresses_inside_a_network(detector: PresidioDetector, text: str, found: list[str]) -> None:
    detected = detector.detect(text, "user")
    assert [text[item.start : item.end] for item in detected if item.label == "EMAIL_ADDRESS"] == found

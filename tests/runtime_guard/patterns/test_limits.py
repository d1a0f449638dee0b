"""Work grows with the length of a text, whatever it repeats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("presidio_analyzer", reason="install the extra: govkernel[guard]")
from presidio_analyzer import Pattern, PatternRecognizer

from runtime_guard.expressions import places
from runtime_guard.patterns import phones, words
from runtime_guard.patterns.engine import PatternEngine
from runtime_guard.patterns.outlines import Outlines
from runtime_guard.patterns.parts import Part
from runtime_guard.patterns.recognizers import default_recognizers

REPEATED = [
    "1", "12 ", "1-", "+1 ", "(", "1.", "::", "a:", "1:", "a.", "a@", "a@b.", "-", "a.com", "http://",
    "a.com/", "'", " ", "\u200b", "4111 ", "DE89 ", "DE89370400440532013000 ", "2012-01-02 08:00 ",
    "212-555-0123 ", "ssn 078-05-1120 ", "a@b.co ", "1.2.3.4/", "bc1", "A1", "\xe9", "x", "12 ext ", "1, ",
    "_", "\x00", "be ", "1/2/", "10.0.0.1 ", "www.", "\u0660",
]  # fmt: skip

FAR_AHEAD = r"\b(?=.*?[a-z])(?=.*?[0-9]{4})[\w@#$%^?~-]{10}\b"


class Counted:
    """A pattern that counts the characters it is asked about.

    Args:
        pattern: the real one.
        total: one number, added to.
    """

    def __init__(self, pattern: Any, total: list[int]) -> None:
        self._pattern = pattern
        self._total = total

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pattern, name)

    def finditer(self, text: str, low: int = 0, high: int | None = None) -> Any:
        self._total[0] += (len(text) if high is None else high) - low
        return self._pattern.finditer(text, low, len(text) if high is None else high)

    def match(self, text: str, place: int) -> Any:
        self._total[0] += len(text) - place
        return self._pattern.match(text, place)


@pytest.fixture(scope="module")
def work() -> list[int]:
    return [0]


@pytest.fixture(scope="module")
def engine(work: list[int]) -> PatternEngine:
    made = PatternEngine(default_recognizers())
    made._asked = [
        [(number, replace(rule, pattern=Counted(rule.pattern, work))) for number, rule in asked]
        for asked in made._asked
    ]
    return made


@pytest.mark.parametrize("repeated", REPEATED)
def test_patterns_look_at_each_place_a_bounded_number_of_times(
    engine: PatternEngine, work: list[int], repeated: str
) -> None:
    spent = []
    for length in (2_000, 8_000):
        work[0] = 0
        engine.analyze((repeated * length)[:length])
        spent.append(work[0])
    assert spent[1] <= 6 * max(spent[0], 2_000)


@pytest.mark.parametrize("repeated", ["abcdefghij ", "some words of a text, ", "abcdefghij\n", "a1b2c3d4e5 "])
def test_what_is_far_ahead_is_looked_for_once(work: list[int], repeated: str) -> None:
    engine = PatternEngine([PatternRecognizer("X", patterns=[Pattern("x", FAR_AHEAD, 0.5)])])
    engine._asked = [
        [(number, replace(rule, pattern=Counted(rule.pattern, work))) for number, rule in asked]
        for asked in engine._asked
    ]
    work[0] = 0
    assert engine.analyze(repeated * 1_000) == []
    assert work[0] == 0


@pytest.mark.parametrize("repeated", ["abcdefghij 1234 ", "a1b2c3d4e5 12 3456 "])
def test_how_far_one_may_look_ahead_is_found_once(repeated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    real = places._right

    def right(data: bytes, start: int, allowed: bytes, most: int | None) -> int:
        nonlocal looked
        looked += most is None
        return real(data, start, allowed, most)

    monkeypatch.setattr(places, "_right", right)
    engine = PatternEngine([PatternRecognizer("X", patterns=[Pattern("x", FAR_AHEAD, 0.5)])])
    assert engine.analyze(repeated * 500)
    assert looked <= 2


@pytest.mark.parametrize("repeated", REPEATED)
def test_telephone_numbers_are_looked_for_in_pieces(repeated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0

    def count(real: Any) -> Any:
        def made(*arguments: Any, **named: Any) -> Any:
            nonlocal taken
            taken += 1
            return real(*arguments, **named)

        return made

    monkeypatch.setattr(phones, "next_candidate", count(phones.next_candidate))
    monkeypatch.setattr(Part, "__init__", count(Part.__init__))
    monkeypatch.setattr(Outlines, "around", count(Outlines.around))
    rule = PatternEngine(default_recognizers())._phones[0][1]
    counts = []
    for length in (1_000, 4_000):
        taken = 0
        rule.results((repeated * length)[:length])
        counts.append(taken)
    assert counts[1] <= 6 * max(counts[0], 100)


def test_context_of_many_findings_does_not_read_a_text_again_and_again() -> None:
    text = ("_" * 5_000 + " 1 ") * 20
    near = words.NearWords(text)
    for start in (place for place, char in enumerate(text) if char == "1"):
        near.beside(start, 5, 0)
    assert near._spent <= 12 * len(text)

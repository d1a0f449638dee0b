"""Ours finds what Presidio's engine finds: any recognizers, any text."""

from __future__ import annotations

import re
from typing import Any
from unittest import mock

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("presidio_analyzer", reason="install the extra: govkernel[guard]")
import spacy
from presidio_analyzer import (
    AnalysisExplanation,
    EntityRecognizer,
    Pattern,
    PatternRecognizer,
    RecognizerResult,
)
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts

from govkernel.errors import ConfigError
from runtime_guard.expressions import automaton, staged
from runtime_guard.expressions.shape import shape_of
from runtime_guard.expressions.tree import NotUnderstood, runs_away
from runtime_guard.patterns.engine import PatternEngine
from runtime_guard.patterns.recognizers import all_countries, country_recognizers, default_recognizers
from runtime_guard.patterns.words import NearWords, PipelineWords, Tokens
from tests.runtime_guard.patterns.conftest import Peers

SIGNS = "0123456789 -.()+:@/abcxyzABCDEKİıſK_,;#é\u0661\u00a0\u2013\u3000\ud83d\x00\n漢"
PIECES = [
    "https://www.example.com/a?b=c", "'http://x.co.uk'", "a.b@c.example.org", "2024-02-29", "03/15/2024", "31-DEC-99",
    "00:1A:2B:3C:4D:5E", "550e8400-e29b-41d4-a716-446655440000", "+44 20 7946 0958", "(212) 555-0123 ext. 12",
    "1-800-555-0199 / x212 555", "49.30.123456", "2012-01-02 08:00:15", "212 555 0123 456 789 0123",
    "+1 (852) 594-8811", "DE89 3704 0044 0532 0130 00 2 days", "4111111111111111", "AKIA",
    "driver license D1234567", "ssn", "bank account",
    " 078051120", "078-05-1120", "9434765919", " card ", "ÄÖ-A 123", "be BE Be", "ΑΣ'Β", "12345678901234567890123",
]  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(text=st.lists(st.sampled_from(PIECES) | st.text(SIGNS, max_size=12), max_size=8).map("".join))
def test_the_default_recognizers(default: Peers, text: str) -> None:
    default.agree_on(text)


@pytest.fixture(scope="module")
def everything() -> Peers:
    found = default_recognizers()
    known = {type(item) for item in found}
    return Peers(
        [*found, *(item for item in country_recognizers(all_countries()) if type(item) not in known)]
    )


@settings(deadline=None, max_examples=60)
@given(text=st.lists(st.sampled_from(PIECES) | st.text(SIGNS, max_size=12), max_size=8).map("".join))
def test_the_recognizers_of_all_countries(everything: Peers, text: str) -> None:
    everything.agree_on(text)


ATOMS = [
    r"\d", r"\w", r"\s", r"[a-c]", r"[^a-c]", "k", "é", ".", r"\b", r"\B", "^", "$", "(a|bc)", "(?:x|)", r"(?=\d)",
    r"(?!\w)", r"(?<=a)", r"(?<!\d)", r"(?<![\w-])", r"(?=.*?\d)", r"(?<=a\s*)", r"(ab?)\1", "(?>a+)", r"[\w.]*+@",
    r"\p{Lu}", r"\S", "(?i:K)", r"\Z", r"[\d-]", "(?:a{2,3}b)", r"(?:\d[ -]?){3}", r"\m", r"(?:ab){e<=1}", r"\X",
    r"(?=[^\d]*[a-c]+\d)", r"(?|(a)|(bc))\1", r"(?=[a-c]*$)",
]  # fmt: skip
COUNTS = ["", "?", "*", "+", "{2}", "{1,40}", "{3,}", "*?", "++"]


@st.composite
def patterns(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.tuples(st.sampled_from(ATOMS), st.sampled_from(COUNTS)), min_size=1, max_size=5))
    text = "".join(atom + count for atom, count in parts)
    if draw(st.booleans()):
        text = f"{text}|{draw(st.sampled_from(ATOMS))}c"
    try:
        regex.compile(text)
    except regex.error:
        text = r"\d+c"
    return r"\d+c" if runs_away(text, 0) else text


@settings(deadline=None, max_examples=400)
@given(
    found=st.lists(patterns(), min_size=1, max_size=3),
    flags=st.sampled_from([0, regex.I, regex.I | regex.S | regex.M, regex.S, regex.X]),
    text=st.text("abckKé\u212a01 -.@\n\u0661漢", max_size=40),
)
@pytest.mark.parametrize("scanner", [automaton.automaton, lambda items, _: automaton.Re2Automaton(items)])
@pytest.mark.parametrize("few", [0, staged.FEW])
def test_patterns_that_nobody_has_seen(
    found: list[str], flags: int, text: str, scanner: Any, few: int
) -> None:
    recognizer = PatternRecognizer(
        "X", patterns=[Pattern("p", item, 0.5) for item in found], global_regex_flags=flags or None
    )
    if not flags:
        recognizer.global_regex_flags = 0
    with mock.patch.object(staged, "FEW", few):
        Peers([recognizer], scanner=scanner).agree_on(text)


def test_what_wants_something_is_looked_for_only_where_it_is(everything: Peers) -> None:
    def never(_: bytes) -> list[tuple[int, int]]:
        raise AssertionError("looked")

    with mock.patch.object(everything.ours._automaton, "_second", mock.Mock(scan=never)):
        everything.agree_on("No number is in this text, whatever else it says: a.b@c.example.org")
        with pytest.raises(AssertionError, match="looked"):
            everything.ours.analyze("ssn 078-05-1120")


@pytest.mark.parametrize(
    "text", ["\ud800 078-05-1120", "\x00078-05-1120\x00", "", "\n", "𝟘𝟙𝟚-𝟛𝟜-𝟝𝟞𝟟𝟠", "K" * 40]
)
def test_text_that_is_none(default: Peers, text: str) -> None:
    default.agree_on(text)


def test_without_hyperscan(default: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automaton, "hyperscan", None)
    engine = PatternEngine(default_recognizers())
    assert isinstance(engine._automaton, automaton.Re2Automaton)
    for text in PIECES:
        assert [tuple(item) for item in engine.analyze(f"my {text}.")] == default.theirs(f"my {text}.")


def test_what_no_automaton_takes_runs_always() -> None:
    expressions = [automaton.Expression(b"a("), automaton.Expression(b"b")]
    for made in (automaton.HyperscanAutomaton(expressions), automaton.Re2Automaton(expressions)):
        assert made.refused == {0}
        assert [number for number, _ in made.scan(b"ab")] == [1]


@pytest.mark.parametrize(
    "pattern", [r"(?:ab){e<=1}c", r"a\X", r"(?r)ab", r"x*", r"(?V1)[a--b]c", r"(?P<n>a)(?&n)"]
)
def test_what_is_not_understood_says_so(pattern: str) -> None:
    with pytest.raises(NotUnderstood):
        shape_of(pattern, 0)


@pytest.mark.parametrize(
    ("pattern", "away"),
    [
        (r"\b*?(?:ab){e<=1}", True),
        (r"(?:x|)*(?:ab){e<=1}", True),
        (r"(?:(?:a|)*?){e<=1}b", True),
        (r"\b?(?:ab){e<=1}x*", False),
        (r"\b*?ab", False),
        ("(", False),
    ],
)
def test_what_could_take_all_memory_is_refused(pattern: str, away: bool) -> None:
    assert runs_away(pattern, 0) == away
    if away:
        with pytest.raises(ConfigError) as refused:
            PatternEngine([PatternRecognizer("X", patterns=[Pattern("p", pattern, 0.5)])])
        assert refused.value.code == "guard.bad-recognizers"


@pytest.mark.parametrize(
    "pattern", [item.regex for source in default_recognizers() for item in getattr(source, "patterns", ())]
)
def test_all_default_patterns_are_understood(pattern: str) -> None:
    shape = shape_of(pattern, regex.I | regex.S | regex.M)
    assert shape.least > 0
    assert re.compile(shape.expression)


class Loud(EntityRecognizer):
    """Finds exclamation marks, by no pattern."""

    def load(self) -> None: ...

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> list[RecognizerResult]:
        return [
            RecognizerResult("LOUD", place, place + 1, 0.3, AnalysisExplanation("Loud", 0.3))
            for place, char in enumerate(text)
            if char == "!"
        ]


def test_recognizers_that_are_no_patterns() -> None:
    peers = Peers([Loud(["LOUD"], context=["stop"]), *default_recognizers()])
    for text in ("stop! now", "hey!!", "nothing", "call 212-555-0123!"):
        peers.agree_on(text)


def test_recognizers_that_judge_context_are_refused() -> None:
    class Judging(PatternRecognizer):
        def enhance_using_context(self, *_: Any, **__: Any) -> list[RecognizerResult]:
            return []

    with pytest.raises(ConfigError):
        PatternEngine([Judging("X", patterns=[Pattern("x", "x", 0.5)])])


def test_thresholds_of_recognizers() -> None:
    recognizer = PatternRecognizer("X", patterns=[Pattern("low", "low", 0.2), Pattern("high", "high", 0.8)])
    recognizer.score_thresholds = {"X": 0.5}
    Peers([recognizer]).agree_on("low high")
    Peers([recognizer], threshold=0.1).agree_on("low high")


def test_with_another_pipeline() -> None:
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    engine = SpacyNlpEngine()
    engine.nlp = {"en": spacy.blank("en")}
    peers = Peers(default_recognizers(), nlp_engine=engine)
    for text in PIECES:
        peers.agree_on(f"my phone: {text} and ssn:{text}")


@settings(deadline=None)
@given(
    text=st.text("ab_ :.BE e\u0130\u03a3'1\n", max_size=60), start=st.integers(0, 59), after=st.integers(0, 2)
)
def test_words_beside_are_those_of_all_tokens(text: str, start: int, after: int) -> None:
    start = min(start, len(text))
    near = NearWords(text)
    for before in (5, 0, 2):
        expected = PipelineWords(text, Tokens(), "en").beside(start, before, after)
        assert set(near.beside(start, before, after)) == set(expected)
        if text:
            assert set(near._in_all(start, before, after)) == set(expected)


def test_whole_words_only() -> None:
    recognizer = PatternRecognizer("X", patterns=[Pattern("x", r"\d+", 0.2)], context=["lic"])
    engine = PatternEngine(
        [recognizer], enhancer=LemmaContextAwareEnhancer(context_matching_mode="whole_word")
    )
    assert [item.score for item in engine.analyze("duplicate 1")] == [0.2]
    assert [item.score for item in engine.analyze("lic 1")] == [0.55]

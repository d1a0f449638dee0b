"""What is released of a stream: the same for every chunking, nothing of a masked value, and soon."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from presidio_analyzer import Pattern, PatternRecognizer

from govkernel.domain import Decision, Finding
from runtime_guard.detectors.presidio import PresidioDetector
from runtime_guard.detectors.secrets import SecretsDetector
from runtime_guard.expressions import automaton
from runtime_guard.halves import joined
from runtime_guard.patterns.engine import PatternEngine
from runtime_guard.patterns.recognizers import all_countries
from runtime_guard.redact import masked
from runtime_guard.screen import Screen
from runtime_guard.segments.chain import Reach
from runtime_guard.stream import StreamScreen
from tests.runtime_guard.streamed import CHUNKED, PATTERNS, TEXTS, VALUES, Policy, cut, streamed

SCREEN = Screen(PATTERNS)
DATA = Path(__file__).parents[3] / "shared" / "data"
BOUNDS = st.sampled_from([256, 256, 64, 24])
PATTERNS = (
    r"foo.*bar",
    r"\bx+\b",
    r"(?<=see )\w+(?: \w+){2,}",
    r"(\w)\1{3,}",
    r"\d+(?=.*fine)",
    r"hello(?! there)|there\s+see",
    r"[^\n]{200,}",
    r"k{100,}[^k]",
    r"(?:ab){e<=1}c\d",
)


class Detecting:
    """A detector that reports words which begin with an x: word by word, or sentences, awaited or not."""

    labels = frozenset({"X_WORD"})

    def __init__(self, name: str, **attributes: Any) -> None:
        self.name = name
        vars(self).update(attributes)

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        return [
            Finding(label="X_WORD", start=match.start(), end=match.end(), detector=self.name)
            for match in re.finditer(r"\bx\S+", text)
        ]


class Awaited(Detecting):
    async def detect(self, text: str, role: str) -> Sequence[Finding]:  # type: ignore[override]
        return super().detect(text, role)


class Mood(Detecting):
    """Judges what is said; finds nothing to mask."""

    labels = frozenset({"sad"})

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        return [Finding(label="sad", start=0, end=0, detector=self.name)] if "fine" in text else []


def nasty() -> PresidioDetector:
    """Presidio's recognizers, and patterns that only somebody else could write."""
    detector = PresidioDetector()
    recognizers = [
        PatternRecognizer(f"NASTY_{number}", patterns=[Pattern("p", pattern, 0.5)])
        for number, pattern in enumerate(PATTERNS)
    ]
    detector._engine = PatternEngine([*detector.recognizers, *recognizers])
    return detector


def without_hyperscan() -> Screen:
    """The default detectors on a machine that has google-re2 only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(automaton, "hyperscan", None)
        return Screen([PresidioDetector(), SecretsDetector()])


SCREENS = {
    "default": lambda: SCREEN,
    "all countries": lambda: Screen([PresidioDetector(countries=all_countries()), SecretsDetector()]),
    "nasty patterns": lambda: Screen([nasty()]),
    "google-re2": without_hyperscan,
    "words": lambda: Screen([PresidioDetector(), Awaited("words", lookahead="word")]),
    "sentences": lambda: Screen([PresidioDetector(), Awaited("strange")]),
    "judges": lambda: Screen([PresidioDetector(), Mood("mood"), Detecting("words", lookahead="word")]),
}


@pytest.fixture(scope="module", params=SCREENS)
def any_screen(request: pytest.FixtureRequest) -> Screen:
    return SCREENS[request.param]()


@settings(deadline=None, max_examples=80)
@given(case=CHUNKED, bound=BOUNDS, strict=st.booleans())
def test_every_chunking_releases_what_the_whole_text_does(
    any_screen: Screen, case: tuple[str, list[str]], bound: int, strict: bool
) -> None:
    text, pieces = case
    reach = Reach(bound, strict)
    whole = streamed(any_screen, [text], reach=reach)
    apart = streamed(any_screen, [*pieces, ""], reach=reach)
    assert apart.text == whole.text == streamed(any_screen, [text, ""], reach=reach).text
    assert apart.asked == whole.asked
    assert all(held < bound for held in apart.held)


@settings(deadline=None, max_examples=60)
@given(
    case=CHUNKED,
    labels=st.lists(
        st.sampled_from(["EMAIL_ADDRESS", "PHONE_NUMBER", "SECRET", "X_WORD", "sad"]), min_size=2
    ),
    strict=st.booleans(),
)
def test_policy_that_changes_with_labels_is_asked_the_same_for_every_chunking(
    any_screen: Screen, case: tuple[str, list[str]], labels: list[str], strict: bool
) -> None:
    text, pieces = case
    rules = {"blocks": frozenset(labels[:2]), "spares": frozenset(labels[1:])}
    whole = streamed(any_screen, [text], Policy(**rules), reach=Reach(strict=strict))
    apart = streamed(any_screen, [*pieces, ""], Policy(**rules), reach=Reach(strict=strict))
    assert (apart.text, apart.asked) == (whole.text, whole.asked)


@settings(deadline=None, max_examples=100)
@given(TEXTS)
def test_exactly_what_was_found_is_masked(text: str) -> None:
    found = asyncio.run(SCREEN.findings(text, "assistant"))
    assert holes(streamed(SCREEN, [text]).text) == holes(masked(joined(text), found))


def holes(text: str) -> str:
    """Every run of placeholders as one mark: which label a run of touching findings gets may differ."""
    return re.sub(r"(<[A-Z_a-z]+>)+", "#", text)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(VALUES[:6]), st.integers(0, 400), st.integers(0, 60), st.data())
def test_a_value_never_leaks_wherever_it_stands_and_is_cut(
    value: str, before: int, after: int, data: st.DataObject
) -> None:
    text = ("word " * 100)[:before] + " " + value + " " + ("after " * 20)[:after]
    out = streamed(SCREEN, [*data.draw(cut(text)), ""])
    secret = "536904399" if "ssn" in value else value
    assert secret[:6] not in out.text
    assert "<" in out.text


@pytest.mark.parametrize("length", [300, 1900])
@pytest.mark.parametrize(
    ("begin", "more", "end"),
    [
        ("-----BEGIN RSA PRIVATE KEY-----\n", "MIIEpAIBAAKCAQEA\n", "-----END RSA PRIVATE KEY-----"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3", "aB1_", ""),
    ],
)
def test_a_span_that_has_begun_is_masked_to_its_end_however_long(
    begin: str, more: str, end: str, length: int
) -> None:
    value = begin + (more * length)[:length] + end
    out = streamed(SCREEN, [*f"This: {value} is it. And no more.", ""])
    assert out.text == "This: <SECRET> is it. And no more."
    assert max(out.held) < 256


def test_values_are_found_in_text_without_end() -> None:
    text = "x" * 1000 + "@" + "y" * 1000 + "+1-212-555-0123,jane.roe@example.com," + "z" * 1000
    out = streamed(SCREEN, [*text, ""])
    assert out.text == streamed(SCREEN, [text]).text
    assert "jane" not in out.text
    assert "555" not in out.text
    assert max(out.held) < 256


def tokens(text: str) -> list[str]:
    """About what a model makes of a text: words with the space before them, signs."""
    return re.findall(r"\s?\w{1,8}|[^\w]", text)


CLEAN = [
    "Could you look into the invoice? Since the update on Tuesday the export stops at page 3 of 12. ",
    "Bitte schön: die Änderung gilt ab Montag, auch für Zürich und Köln, wie besprochen. ",
    "В четверг мы встретимся в библиотеке и обсудим план на следующий месяц. ",
    "def area(radius):\n    return 3.14 * radius ** 2  # see the book, chapter 4\n\n",
]


@pytest.mark.parametrize("text", CLEAN)
def test_of_clean_text_no_more_than_a_word_is_held_back(text: str) -> None:
    out = streamed(SCREEN, [*tokens(text * 8), ""])
    assert statistics.median(out.held) <= longest_word(text)
    assert out.text == text * 8


def longest_word(text: str) -> int:
    return max(map(len, text.split())) + 1


def shared(name: str, count: int) -> Iterator[Any]:
    """Rows of a labelled file, evenly spread."""
    file = DATA / name
    if not file.exists():
        pytest.skip("the labelled data is not here")
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        rows = [json.loads(line) for line in lines]
    return iter(rows[:: max(1, len(rows) // count)])


def test_of_real_prompts_no_more_than_a_word_is_held_back() -> None:
    held: list[int] = []
    words: list[int] = []
    for row in shared("benign_prompts.jsonl.gz", 60):
        held += streamed(SCREEN, [*tokens(row["text"][:800]), ""]).held
        words += map(len, row["text"][:800].split())
    assert statistics.median(held) <= statistics.median(words) + 1
    assert max(held) < 256


@pytest.mark.parametrize(
    "name", ["pii_piianon.jsonl.gz", "pii_presidio_unit.jsonl", "pii_nano.jsonl", "secrets_rules.jsonl"]
)
def test_on_labelled_text_streams_find_what_the_text_as_a_whole_shows(name: str) -> None:
    for row in shared(name, 60):
        text = row["text"][:1500]
        out = streamed(SCREEN, [*tokens(text), ""])
        assert out.text == streamed(SCREEN, [text]).text
        assert spans(asyncio.run(SCREEN.findings(text, "assistant"))) == whole(text)


@settings(deadline=None, max_examples=150)
@given(TEXTS.filter(lambda text: len(max(text.split(), key=len, default="")) < 100 and len(text) < 256))
def test_short_texts_are_judged_as_if_nothing_were_cut(text: str) -> None:
    text = joined(text)
    assert spans(asyncio.run(SCREEN.findings(text, "assistant"))) == whole(text)


def whole(text: str) -> dict[tuple[str, int], int]:
    """What detectors find when they see all at once."""
    return spans(asyncio.run(SCREEN._panel.findings(SCREEN._panel.look(text, "assistant"))))


def spans(found: Sequence[Finding]) -> dict[tuple[str, int], int]:
    """The longest span of each label at each place; what a disguise shows may begin twice where it begins."""
    ends: dict[tuple[str, int], int] = {}
    for item in found:
        ends[item.label, item.start] = max(item.end, ends.get((item.label, item.start), 0))
    return ends


def test_nothing_is_released_after_a_block() -> None:
    policy = Policy(blocks=frozenset())
    assert streamed(SCREEN, [*("a long enough text " * 50), ""], policy).text == ""
    assert len(policy.asked) == 1


def test_a_stream_of_nothing_is_decided_too() -> None:
    out = streamed(SCREEN, [])
    assert (out.text, out.asked) == ("", [(frozenset(), 0)])


SAID = "All is well. " * 3 + "That is fine. " + "Nobody reads this. " * 3


async def mood(text: str, role: str) -> Sequence[Finding]:
    return Mood("mood").detect(text, role)


@pytest.mark.parametrize("strict", [False, True])
def test_a_block_in_mid_stream_ends_it_with_the_sentence(strict: bool) -> None:
    """Up to and including the sentence that is blocked; strictly, none of it."""
    policy = Policy(blocks=frozenset({"sad"}))
    out = streamed(SCREEN, [*SAID, ""], policy, judge=mood, reach=Reach(strict=strict))
    assert out.text == "All is well. " * 3 + ("" if strict else "That is fine. ")
    assert [labels for labels, _ in policy.asked] == [frozenset(), frozenset({"sad"})]


def test_sentences_are_judged_with_what_stands_before_them() -> None:
    seen: list[str] = []

    async def judge(text: str, role: str) -> Sequence[Finding]:
        seen.append(text)
        return []

    streamed(SCREEN, [*SAID * 20, ""], judge=judge)
    assert len(seen) == 140
    assert seen[:2] == ["All is well. ", "All is well. All is well. "]
    assert all((SAID * 20).endswith(text) or text in SAID * 20 for text in seen)
    assert max(map(len, seen)) <= 400 + 20


def test_a_detector_of_sentences_holds_them_and_no_more() -> None:
    screen = Screen([Detecting("strange")])
    out = streamed(screen, [*"We saw xaver. Then we left, and he too. ", ""])
    assert out.text == "We saw <X_WORD> Then we left, and he too. "
    assert out.parts[:13] == [""] * 13
    assert out.parts[13] == "We saw <X_WORD> "[:-1] or out.parts[13].startswith("We saw <X_WORD>")


def test_a_value_that_is_tokenized_has_its_name_wherever_it_is_cut() -> None:
    policy = Policy(spares=frozenset({"EMAIL_ADDRESS"}))
    text = "jane.roe@example.com or jim@example.com, not jane.roe@example.com "
    out = streamed(SCREEN, [*text, ""], policy)
    assert out.text == "<EMAIL_ADDRESS_1> or <EMAIL_ADDRESS_2>, not <EMAIL_ADDRESS_1> "


class Nonsense:
    """A detector that returns something else than it promised."""

    name = "nonsense"
    labels = frozenset({"X"})

    def __init__(self, found: object = (), place: object = 0) -> None:
        self._found = found
        self._place = place

    def detect(self, text: str, role: str) -> object:
        return answered(self._found)

    def pending(self, text: str, role: str) -> object:
        return answered(self._place)


def answered(answer: object) -> object:
    if isinstance(answer, Exception):
        raise answer
    return answer


OUTSIDE = Finding(label="X", start=0, end=10**6, detector="nonsense")


@pytest.mark.parametrize("answer", [ValueError("no"), None, 7, ["text"], [OUTSIDE], RecursionError()])
def test_a_detector_that_fails_releases_nothing(answer: object) -> None:
    with pytest.raises(Exception, match=r"guard\.detector-failed"):
        streamed(Screen([Nonsense(answer)]), ["some text " * 100, ""])


@pytest.mark.parametrize("answer", [ValueError("no"), None, -1, "1"])
def test_a_detector_that_cannot_say_what_it_waits_for_releases_nothing(answer: object) -> None:
    with pytest.raises(Exception, match=r"guard\.detector-failed"):
        streamed(Screen([Nonsense((), answer)]), ["some ", "text ", ""])


def test_a_policy_that_fails_releases_nothing() -> None:
    async def fails(labels: frozenset[str], findings: int) -> Decision:
        raise ValueError("no")

    stream = StreamScreen(SCREEN, fails, "assistant")
    with pytest.raises(ValueError, match="no"):
        asyncio.run(stream.feed("some text "))

"""Segments cover a text once, depend on its content alone, and a leap passes over nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import Finding
from runtime_guard.halves import joined
from runtime_guard.screen import Screen
from runtime_guard.segments.chain import Reach, Segment, Segments, Sentence
from runtime_guard.segments.kept import Kept
from runtime_guard.segments.scout import Leap, Scout
from runtime_guard.segments.sentences import Sentences
from tests.runtime_guard.streamed import CHUNKED, PATTERNS, TEXTS, cut

SCREEN = Screen(PATTERNS)


def run(segments: Segments, pieces: Sequence[str]) -> list[Segment | Sentence]:
    async def collect() -> list[Segment | Sentence]:
        items = [item for piece in pieces async for item in segments.feed(piece)]
        return [*items, *[item async for item in segments.finish()]]

    return asyncio.run(collect())


@settings(deadline=None, max_examples=80)
@given(CHUNKED, st.booleans(), st.sampled_from([256, 32]))
def test_segments_cover_a_text_without_gap_or_overlap(
    case: tuple[str, list[str]], strict: bool, bound: int
) -> None:
    text, pieces = case
    items = run(SCREEN.segments("assistant", judged=True, reach=Reach(bound, strict)), pieces)
    for kind in (Segment, Sentence):
        position = 0
        for item in items:
            if isinstance(item, kind):
                assert item.start == position < item.end
                position = item.end
        assert position == len(joined(text))
    for item in items:
        if isinstance(item, Segment):
            assert all(one.start < item.end and one.end > item.start for one in item.findings)
        else:
            assert item.end - item.start <= bound
            assert joined(text)[: item.end].endswith(item.text)


@settings(deadline=None, max_examples=80)
@given(TEXTS)
def test_a_sentence_is_released_before_it_is_judged_or_strictly_after(text: str) -> None:
    for strict in (False, True):
        released = judged = 0
        for item in run(SCREEN.segments("assistant", judged=True, reach=Reach(strict=strict)), [text]):
            if isinstance(item, Sentence):
                judged = item.end
            else:
                released = item.end
            assert not strict or released <= judged


@settings(deadline=None, max_examples=100)
@given(TEXTS, st.data())
def test_a_leap_passes_over_nothing(text: str, data: st.DataObject) -> None:
    pieces = data.draw(cut(text))

    async def never(*_: object, **__: object) -> Leap | None:
        return None

    def found(pieces: Sequence[str]) -> list[tuple[int, int, tuple[Finding, ...]]]:
        items = run(SCREEN.segments("assistant"), pieces)
        return [
            (item.start, item.end, item.findings)
            for item in items
            if isinstance(item, Segment) and item.findings
        ]

    leaping = found([text])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scout, "leap", never)
        assert found(pieces) == leaping


def test_clean_text_is_one_leap() -> None:
    text = "Some words that are nothing but words, and some more of them. " * 60
    items = run(SCREEN.segments("assistant"), [text])
    assert len(items) <= 3


@given(CHUNKED)
def test_what_is_kept_is_the_end_of_the_text(case: tuple[str, list[str]]) -> None:
    text, pieces = case
    whole, kept = joined(text), Kept()
    for piece in pieces * 8:
        kept.add(piece)
        kept.forget(kept.end - 100)
    kept.close()
    repeated = joined(text * 8)
    assert kept.end == len(repeated) or "\ufffd" in repeated + whole
    if kept.end == len(repeated):
        start = max(0, kept.end - 100)
        assert kept.slice(start, kept.end) == repeated[start:]


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["\ud83d", "\ude00"], "😀"),
        (["a\ud83d", "b"], "a\ufffdb"),
        (["\ude00"], "\ufffd"),
        (["\ud83d"], "\ufffd"),
        (["\ud83d", "", "\ud83d", "\ude00"], "\ufffd😀"),
    ],
)
def test_halves_of_a_character_wait_for_each_other(pieces: list[str], text: str) -> None:
    kept = Kept()
    for piece in pieces:
        kept.add(piece)
    kept.close()
    assert kept.slice(0, kept.end) == text


def test_a_window_begins_at_a_word() -> None:
    kept = Kept()
    kept.add("one two three four")
    assert kept.window(14, 18, 8) == ("three four", 8)
    assert kept.window(14, 18, 100) == ("one two three four", 0)
    kept.add("x" * 50)
    assert kept.window(60, 68, 20).offset == 40


def ends(text: str, longest: int = 40) -> list[int]:
    kept = Kept()
    sentences = Sentences(kept, longest)
    found = []
    for char in text:
        kept.add(char)
        while (end := sentences.end()) is not None:
            found.append(end)
            sentences.start = end
    return found


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two? Three! rest", ["One. ", "Two? ", "Three! "]),
        ('He said "no." Then. ', ['He said "no." ', "Then. "]),
        ("3.14 is e.g. a number\nnext", ["3.14 is e.g. ", "a number\n"]),
        ("今日は。明日も！", ["今日は。", "明日も！"]),
        (
            "a sentence that goes on without any stop at all",
            ["a sentence that goes on without ", "any stop at all"],
        ),
        ("x" * 90, ["x" * 40, "x" * 40]),
        ("...\n", ["...\n"]),
    ],
)
def test_where_sentences_end(text: str, parts: list[str]) -> None:
    found = ends(text)
    assert [text[start:end] for start, end in zip([0, *found], found, strict=False)] == parts[: len(found)]
    assert len(found) >= len(parts) - 1


@settings(deadline=None, max_examples=40)
@given(TEXTS)
def test_whole_texts_take_the_chain_of_streams(text: str) -> None:
    items = run(SCREEN.segments("assistant"), [text])
    streamed = {
        (one.label, one.start) for item in items if isinstance(item, Segment) for one in item.findings
    }
    assert {(one.label, one.start) for one in asyncio.run(SCREEN.findings(text, "assistant"))} == streamed


def test_a_detector_sees_some_words_before_a_sentence() -> None:
    seen: list[str] = []

    class Listens:
        name = "listens"
        labels = frozenset({"X"})

        def detect(self, text: str, role: str) -> Sequence[Finding]:
            seen.append(text)
            return []

    asyncio.run(Screen([Listens()], tiers=[1]).findings("First. Second. " + "word " * 200, "user"))
    assert seen[:2] == ["First. ", "First. Second. "]
    assert max(map(len, seen)) <= 400 + 256

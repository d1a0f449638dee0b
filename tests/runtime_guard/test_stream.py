"""What is released of a stream: the same for every chunking, and never a character of a masked value."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import Decision, Effect, Finding
from runtime_guard.plugin import default_screen
from runtime_guard.redact import masked
from runtime_guard.screen import Screen
from runtime_guard.stream import HOLD_BACK, StreamScreen
from tests.runtime_guard.conftest import decision

SCREEN = default_screen()
VALUES = (
    "jane.roe@example.com",
    "+1 212-555-0123",
    "4111 1111 1111 1111",
    "GB82 WEST 1234 5698 7654 32",
    "sk-" + "a1B2" * 8,
)
PIECES = st.sampled_from(
    [*VALUES, "hello there ", "see ", "x" * 90, "\n", "😀 ", ", ", "the number 42 is fine. ", "é"]
)


async def redact(labels: frozenset[str], findings: int) -> Decision:
    return decision(Effect.ALLOW, "redact")


async def released(pieces: Sequence[str], screen: Screen = SCREEN, policy=redact) -> list[str]:
    stream = StreamScreen(screen, policy, "assistant")
    out = [await stream.feed(piece) for piece in pieces]
    return [*out, await stream.finish()]


@st.composite
def chunked(draw: st.DrawFn) -> tuple[str, list[str]]:
    text = "".join(draw(st.lists(PIECES, max_size=30)))
    if draw(st.booleans()):
        return text, list(text)
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=30)))
    return text, [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@settings(deadline=None, max_examples=150)
@given(chunked())
def test_every_chunking_releases_what_the_whole_text_does(case: tuple[str, list[str]]) -> None:
    text, pieces = case
    whole = "".join(asyncio.run(released([text])))
    assert "".join(asyncio.run(released(pieces))) == whole


@settings(deadline=None, max_examples=100)
@given(chunked())
def test_exactly_what_was_found_is_masked(case: tuple[str, list[str]]) -> None:
    text, _ = case
    found = asyncio.run(SCREEN.findings(text, "assistant"))
    out = "".join(asyncio.run(released([text])))
    assert holes(out) == holes(masked(text, found))


def holes(text: str) -> str:
    """Every run of placeholders as one mark: which label a run of touching findings gets may differ."""
    return re.sub(r"(<[A-Z_]+>)+", "#", text)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(VALUES[:3]), st.integers(0, 400), st.integers(0, 60))
def test_a_value_never_leaks_wherever_it_stands(value: str, before: int, after: int) -> None:
    text = ("word " * 100)[:before] + " " + value + " " + ("after " * 20)[:after]
    for out in asyncio.run(released(list(text))):
        assert value[:6] not in out
    assert value not in "".join(asyncio.run(released(list(text))))


def test_a_policy_that_changes_with_labels_is_still_the_same_for_every_chunking() -> None:
    async def strict_when_both(labels: frozenset[str], findings: int) -> Decision:
        both = {"EMAIL_ADDRESS", "PHONE_NUMBER"} <= labels
        return decision(Effect.DENY, "block") if both else decision(Effect.ALLOW, "redact")

    text = (
        "write to jane.roe@example.com " + "and so on " * 30 + "call +1 212-555-0123 now " + "the end " * 20
    )
    whole = "".join(asyncio.run(released([text], policy=strict_when_both)))
    assert "".join(asyncio.run(released(list(text), policy=strict_when_both))) == whole
    assert whole.startswith("write to <EMAIL_ADDRESS>")
    assert "the end" not in whole


def test_nothing_is_released_after_a_block() -> None:
    async def never(labels: frozenset[str], findings: int) -> Decision:
        return decision(Effect.DENY, "block")

    assert "".join(asyncio.run(released(list("a long enough text " * 50), policy=never))) == ""


def test_text_flows_before_it_ends() -> None:
    out = asyncio.run(released(list("plain words without anything in them " * 40)))
    held = 0
    for piece in out[:-1]:
        held = held + 1 - len(piece)
        assert held <= HOLD_BACK


class Nonsense:
    """A detector that returns something else than it promised."""

    name = "nonsense"
    labels = frozenset({"X"})

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def detect(self, text: str, role: str) -> object:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_a_detector_that_fails_releases_nothing() -> None:
    outside = Finding(label="X", start=0, end=10**6, detector="nonsense")
    for answer in (ValueError("no"), None, 7, ["text"], [outside], RecursionError()):
        screen = Screen([Nonsense(answer)])
        stream = StreamScreen(screen, redact, "assistant")

        async def feed(stream: StreamScreen = stream) -> str:
            return await stream.feed("some text " * 100)

        try:
            asyncio.run(feed())
        except Exception as error:
            assert getattr(error, "code", "") == "guard.detector-failed"
        else:
            raise AssertionError(answer)

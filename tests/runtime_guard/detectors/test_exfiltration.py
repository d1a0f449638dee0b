"""Addresses that are loaded by themselves and carry data; where one may have begun, a stream waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.detectors.exfiltration import ExfiltrationDetector, carries_data

DETECTOR = ExfiltrationDetector()
PARTS = st.sampled_from(
    ["![x](", "https://", "//e.example/", "?q=", "aGVsbG8gdGhlcmUgamFuZSByb2U", "secret=abcd", ")", " ", "<img src=",
     ">", "[r]: ", "url(", "'", "a", "{name}", "&", "&amp;", "/", "\n", "https://e.example/p?data=", "![", "]", "("]
)  # fmt: skip


@pytest.mark.parametrize(
    ("address", "carries"),
    [
        ("https://e.example/?q=aGVsbG8gdGhlcmUgamFuZQ==", True),
        ("//e.example/68656c6c6f207468657265206a616e65/x.png", True),
        ("https://aGVsbG8gdGhlcmUgamFuZQ.e.example/x.png", True),
        ("https://e.example/{user}/x.png", True),
        ("https://e.example/?password=hunter2", True),
        ("https://e.example/?q=one+two+three+four+five+six", True),
        ("https://e.example/?aGVsbG8gdGhlcmUgamFuZQ", True),
        ("https://e.example/?q=one+two+three", False),
        ("https://e.example/?data=", False),
        ("https://e.example/?v=3#aGVsbG8gdGhlcmUgamFuZQ", False),
        ("https://e.example/aHR0cHM6Ly9leGFtcGxlLmNvbS9h", False),
        ("https://e.example/3f786850e387550fdab836ed7e6dc881de23001b.png", False),
        ("https://e.example/?width=200&height=100&format=webp", False),
    ],
)
def test_an_address_carries_data(address: str, carries: bool) -> None:
    assert carries_data(address) == carries


def test_the_application_may_load_what_it_likes() -> None:
    assert "system" not in DETECTOR.roles


@pytest.mark.parametrize(
    "text", ["plain words", "see [1] and", "https://e.example/?secret=abcd ", "![a](b.png) "]
)
def test_what_is_no_image_is_not_waited_for(text: str) -> None:
    assert DETECTOR.pending(text, "assistant") == len(text)
    assert not DETECTOR.detect(text, "assistant")


@given(st.lists(PARTS, max_size=12).map("".join), st.integers(0, 200))
def test_what_stands_before_the_pending_place_is_decided(text: str, so_far: int) -> None:
    place = DETECTOR.pending(text[:so_far], "assistant")
    before, after = (
        {(item.start, item.end) for item in DETECTOR.detect(shown, "assistant") if item.start < place}
        for shown in (text[:so_far], text)
    )
    assert before == after


@pytest.mark.parametrize(
    "text", ["![x](" * 20_000, "<img " * 20_000, "![x](//" + "a" * 100_000, "[" * 100_000]
)
def test_pathological_text_is_bounded(text: str) -> None:
    assert not DETECTOR.detect(text + " //", "assistant")

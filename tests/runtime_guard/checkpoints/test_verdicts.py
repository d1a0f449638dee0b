"""A verdict is read as it is written, or it is none; what is none is never harmless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.checkpoints.verdicts import MAX_CODES, Verdicts

HOW = Verdicts.of("safe", "unsafe", {"S1": "violence", "S2": "hate", "unsafe": "harmful_request"})
BARE = Verdicts.of("Safe", "Unsafe", {"S1": "violence"})


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        ("safe", set()),
        ("\n\nsafe\n", set()),
        ("SAFE", set()),
        ("unsafe", {"harmful_request"}),
        ("unsafe\nS1", {"harmful_request", "violence"}),
        ("unsafe\ns1, s2", {"harmful_request", "violence", "hate"}),
        ("unsafe\nS14", {"harmful_request"}),
        ("unsafe\n" + ",".join(["S1"] * MAX_CODES), {"harmful_request", "violence"}),
    ],
)
def test_a_verdict_names_labels(written: str, labels: set[str]) -> None:
    assert HOW.read(written) == labels


@pytest.mark.parametrize(
    "written",
    [
        "",
        "safely",
        "safe but",
        "safe\nS1",
        "This text is safe.",
        "unsafe S1",
        "unsafe\nS1,",
        "unsafe\nS1\nS2",
        "unsafe\n" + ",".join(["S1"] * (MAX_CODES + 1)),
        "unsafe\n<script>",
    ],
)
def test_anything_else_is_none(written: str) -> None:
    assert HOW.read(written) is None


def test_unsafe_is_none_where_nobody_said_what_that_is_called_here() -> None:
    assert BARE.read("unsafe") is None
    assert BARE.read("unsafe\nS1") == {"violence"}


@given(st.text())
def test_only_the_word_itself_is_harmless(written: str) -> None:
    if HOW.read(written) == frozenset():
        assert written.strip().lower() == "safe"

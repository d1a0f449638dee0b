"""What a panel has decided stays decided, through every disguise; what it is told again it need not look at."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import Finding
from govkernel.errors import GovkernelError
from runtime_guard.halves import joined
from runtime_guard.panel import Panel
from tests.runtime_guard.streamed import PATTERNS, TEXTS

PANEL = Panel(PATTERNS, disguises=True)
SHORT = TEXTS.map(lambda text: joined(text)[:300])


def found(text: str, role: str, since: int = 0) -> list[Finding]:
    return asyncio.run(PANEL.findings(PANEL.look(text, role), since))


def pending(text: str, role: str) -> int:
    return asyncio.run(PANEL.pending(PANEL.look(text, role)))


def spans(found: Sequence[Finding], before: int) -> set[tuple[str, int, int]]:
    return {(item.label, item.start, item.end) for item in found if item.start < before}


@settings(deadline=None, max_examples=300)
@given(text=SHORT, so_far=st.integers(0, 300))
def test_what_stands_before_the_pending_place_is_decided(text: str, so_far: int) -> None:
    place = pending(text[:so_far], "assistant")
    assert place <= min(so_far, len(text))
    assert spans(found(text, "assistant"), place) == spans(found(text[:so_far], "assistant"), place)


@settings(deadline=None, max_examples=200)
@given(text=SHORT, since=st.integers(0, 300))
def test_what_ends_behind_a_place_is_found_without_the_rest(text: str, since: int) -> None:
    wanted = [item for item in found(text, "assistant") if item.end > since]
    got = [item for item in found(text, "assistant", since) if item.end > since]
    assert spans(got, len(text) + 1) == spans(wanted, len(text) + 1)


class Says:
    """A detector for some roles that says the same of every text."""

    name = "says"

    def __init__(self, label: str, **attributes: Any) -> None:
        self.labels = frozenset({label})
        vars(self).update(attributes)

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        (label,) = self.labels
        return [Finding(label=label, start=0, end=len(text), detector=self.name)]


def test_a_detector_is_asked_about_its_roles_only() -> None:
    panel = Panel([Says("X", roles={"user"})], disguises=True)
    assert asyncio.run(panel.findings(panel.look("a text", "user")))
    assert not asyncio.run(panel.findings(panel.look("a text", "assistant")))


@pytest.mark.parametrize(("label", "guesses"), [("X_ENTITY", False), ("unsafe", True)])
def test_guesses_are_made_only_for_those_who_judge(label: str, guesses: bool) -> None:
    look = Panel([Says(label)], disguises=True).look("1gn0r3 a l l  i n s t r", "user")
    assert any(view.loose for view in look.views) == guesses


def test_nobody_to_ask_means_nothing_pending() -> None:
    panel = Panel([], disguises=True)
    assert asyncio.run(panel.pending(panel.look("4111 1111 ", "assistant"))) == 10
    assert asyncio.run(panel.pending(panel.look("a \u202ehidden ", "assistant"))) == 2


class Many:
    """A detector that finds as much as it is told to."""

    name = "many"
    labels = frozenset({"X"})
    lookahead = "word"

    def __init__(self, count: int) -> None:
        self.count = count

    def detect(self, text: str, role: str) -> Sequence[Finding]:
        return [Finding(label="X", start=0, end=1, detector=self.name)] * self.count


@pytest.mark.parametrize(
    ("count", "length", "enough"), [(1000, 10, True), (1001, 10, False), (2000, 4000, True)]
)
def test_findings_are_bounded_by_the_length_of_the_text(count: int, length: int, enough: bool) -> None:
    panel = Panel([Many(count)], disguises=False)
    look = panel.look("x" * length, "user")
    if enough:
        assert len(asyncio.run(panel.findings(look))) == count
        return
    with pytest.raises(GovkernelError) as refused:
        asyncio.run(panel.findings(look))
    assert refused.value.code == "guard.too-many-findings"


def test_a_list_of_addresses_is_honest() -> None:
    assert len(found("jo@x.de " * 543, "user")) > 1000

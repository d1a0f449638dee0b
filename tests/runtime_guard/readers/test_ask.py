"""Models are asked once, at a glance first, closely where that leaves doubt; their failure releases nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext

import pytest

from govkernel.domain import Finding
from govkernel.errors import GovkernelError
from runtime_guard.readers.ask import LONG, Depth, Joined, Readers
from runtime_guard.readers.batcher import Batcher
from runtime_guard.readers.interface import Reading
from runtime_guard.screen import Screen


class Model:
    """Settles what holds no question mark; flags what holds an exclamation mark; finds every word in capitals."""

    name = "model"
    labels = frozenset({"loud", "WORD"})

    def __init__(self) -> None:
        self.glanced: list[str] = []
        self.read_closely: list[str] = []

    def glance(self, text: str, role: str) -> Reading:
        self.glanced.append(text)
        return Reading({"loud": 0.3}, settled="?" not in text, by="glance")

    def read(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading]:
        self.read_closely += texts
        return [self._one(text) for text in texts]

    def detect(self, text: str, role: str) -> list[Finding]:
        return self._one(text).as_findings()

    def _one(self, text: str) -> Reading:
        loud = frozenset({"loud"}) if "!" in text else frozenset()
        start = text.find("WORD")
        spans = [Finding(label="WORD", start=start, end=start + 4, detector="model")] if start >= 0 else []
        return Reading({"loud": 0.9 if loud else 0.1}, loud, spans, by="model")


class Broken(Model):
    """Raises, now or later."""

    def __init__(self, *, at_once: bool) -> None:
        super().__init__()
        self._at_once = at_once

    def glance(self, text: str, role: str) -> Reading:
        if self._at_once:
            raise ValueError(text)
        return Reading(settled=False)

    def read(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading]:
        raise ValueError(texts[0])


def ask(readers: Readers, text: str, depth: Depth = Depth.DOUBT, tenant: str = "") -> Joined:
    return asyncio.run(readers.ask(text, "user", tenant, depth))


@pytest.mark.parametrize(
    ("text", "depth", "closely"),
    [
        ("plain", Depth.DOUBT, False),
        ("doubt?", Depth.DOUBT, True),
        ("doubt?", Depth.GLANCE, False),
        ("plain", Depth.CLOSE, True),
    ],
)
def test_a_closer_look_is_taken_where_it_is_wanted(text: str, depth: Depth, closely: bool) -> None:
    for many in (False, True):
        model = Model()
        readers = Readers([model], disguises=False)
        found = readers.ask_many([text], ["user"], depth)[0] if many else ask(readers, text, depth)
        assert bool(model.read_closely) == closely
        assert found.scores == {"loud": 0.1 if closely else 0.3}


def test_one_by_one_and_many_together_are_the_same() -> None:
    texts = ["a WORD?", "b!?", "c", "%21 WORD?", "d WORD"]
    together = Readers([Model()], disguises=True).ask_many(texts, ["user"] * 5, Depth.DOUBT)
    assert together == [ask(Readers([Model()], disguises=True), text) for text in texts]


def test_what_a_tenant_asked_is_not_asked_again_and_not_known_to_others() -> None:
    model = Model()
    readers = Readers([model], disguises=False)
    for tenant in ("a", "a", "b"):
        ask(readers, "same?", tenant=tenant)
    assert model.read_closely == ["same?", "same?"]
    ask(readers, "same?", Depth.CLOSE, "a")
    assert len(model.read_closely) == 3


def test_a_disguised_text_is_judged_by_what_it_says_and_the_disguise_is_told() -> None:
    (found,) = ask(Readers([Model()], disguises=True), "is it so? %21%21 WORD").whole
    assert (found.label, found.whole_message, found.detector) == ("loud", True, "model, views percent")
    assert ask(Readers([Model()], disguises=False), "is it so? %21%21 WORD").whole == ()


def test_spans_of_views_are_left_to_the_text_itself() -> None:
    found = ask(Readers([Model()], disguises=True), "is it? &amp; a WORD")
    assert [(item.start, item.end) for item in found.findings] == [(15, 19)]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_model_that_fails_is_told_without_the_text(at_once: bool) -> None:
    for many in (False, True):
        readers = Readers([Broken(at_once=at_once)], disguises=False)
        with pytest.raises(GovkernelError) as caught:
            readers.ask_many(["secret"], ["user"], Depth.DOUBT) if many else ask(readers, "secret")
        assert caught.value.code == "guard.detector-failed"
        assert "secret" not in f"{caught.value} {caught.value.why}"


@pytest.mark.parametrize("shed", [True, False])
def test_overload_is_refused_unless_a_glance_is_to_count_and_is_not_remembered(
    shed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model()
    readers = Readers([model], disguises=False, shed=shed)
    with monkeypatch.context() as patched:
        patched.setattr(readers, "_batchers", (Batcher(model, max_waiting=0),))
        if shed:
            assert ask(readers, "doubt?").scores == {"loud": 0.3}
        else:
            with pytest.raises(GovkernelError) as caught:
                ask(readers, "doubt?")
            assert caught.value.code == "guard.overloaded"
    assert ask(readers, "doubt?").scores == {"loud": 0.1}


def test_a_long_text_is_glanced_at_too() -> None:
    assert ask(Readers([Model()], disguises=False), "x" * (LONG + 1)).scores == {"loud": 0.3}


def test_a_screen_joins_patterns_and_models_and_patterns_win_a_place() -> None:
    class Patterns:
        name = "patterns"
        labels = frozenset({"CODE"})

        def detect(self, text: str, role: str) -> list[Finding]:
            return [Finding(label="CODE", start=0, end=4, detector=self.name)] if text[:4] == "WORD" else []

    screen = Screen([Patterns(), Model()], tiers={1})
    found = asyncio.run(screen.message("WORD! is it?"))
    assert [(item.label, item.start, item.end) for item in found] == [("CODE", 0, 4), ("loud", 0, 0)]
    assert {"CODE", "WORD", "loud"} <= screen.labels
    (row,) = screen.screen_many([{"id": 1, "text": "WORD! is it?"}])
    assert [item["type"] for item in row["findings"]] == ["CODE"]
    assert row["flagged"] == ["loud"]


def counted(readers: Readers) -> dict[str, int]:
    lines = [line for line in readers.metrics() if not line.startswith("#")]
    return {name: int(count) for name, _, count in (line.rpartition(" ") for line in lines)}


READINGS = 'govkernel_guard_readings_total{model="model",outcome="%s"}'
MESSAGES = 'govkernel_guard_messages_total{source="%s"}'


def test_how_models_came_to_their_answers_is_counted() -> None:
    readers = Readers([Model()], disguises=False)
    for text in ("plain", "doubt?", "doubt?"):
        ask(readers, text)
    readers.ask_many(["plain", "more?"], ["user"] * 2, Depth.DOUBT)
    assert counted(readers) == {
        MESSAGES % "cache": 1,
        MESSAGES % "models": 4,
        READINGS % "settled": 2,
        READINGS % "read": 2,
    }


@pytest.mark.parametrize("shed", [True, False])
def test_what_was_shed_or_refused_is_counted(shed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    readers = Readers([Model()], disguises=False, shed=shed)
    monkeypatch.setattr(readers, "_batchers", (Batcher(Model(), max_waiting=0),))
    with nullcontext() if shed else pytest.raises(GovkernelError):
        ask(readers, "doubt?")
    assert counted(readers)[READINGS % ("shed" if shed else "refused")] == 1


@pytest.mark.parametrize("at_once", [True, False])
def test_what_failed_is_counted(at_once: bool) -> None:
    readers = Readers([Broken(at_once=at_once)], disguises=False)
    for many in (False, True):
        with pytest.raises(GovkernelError):
            readers.ask_many(["x"], ["user"], Depth.DOUBT) if many else ask(readers, "x")
    assert counted(readers)[READINGS % "failed"] == 2


def test_a_model_that_has_left_its_gpu_is_told() -> None:
    class OnTheCpu(Model):
        degraded = True

    gauge = 'govkernel_guard_degraded{model="model"}'
    assert counted(Readers([OnTheCpu()], disguises=False))[gauge] == 1
    assert gauge not in counted(Readers([Model()], disguises=False))

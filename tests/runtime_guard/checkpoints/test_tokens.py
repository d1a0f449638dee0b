"""Token classifiers of any architecture find spans of the text, at exact characters, however long it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govkernel.domain import Finding
from govkernel.errors import ConfigError
from runtime_guard.checkpoints.opening import open_checkpoint
from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.readers.interface import Reader
from tests.runtime_guard.checkpoints.conftest import write_tagger

KINDS = ["bert", "deberta-v2", "roberta", "xlm-roberta", "distilbert", "electra"]


def spans(found: Sequence[Finding], text: str) -> list[tuple[str, str]]:
    return [(item.label, text[item.start : item.end]) for item in found]


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_found_by_any_architecture(tmp_path: Path, kind: str) -> None:
    text = "  Anna Smith lives in\nBERLIN."
    found = open_checkpoint(write_tagger(tmp_path / kind, kind)).detect(text, "user")
    assert spans(found, text) == [("PERSON", "Anna Smith"), ("LOCATION", "BERLIN")]
    assert all(item.detector == "names" and item.score > 0.9 for item in found)


def test_it_is_a_reader_that_says_nothing_at_once(tagger: Checkpoint) -> None:
    reader = open_checkpoint(tagger)
    assert isinstance(reader, Reader)
    assert reader.labels == {"PERSON", "LOCATION"}
    glanced = reader.glance("anna", "user")
    assert (glanced.settled, glanced.by) == (False, "")


def test_a_word_in_pieces_is_one_span(tagger: Checkpoint) -> None:
    text = "Annas cake"
    assert spans(open_checkpoint(tagger).detect(text, "user"), text) == [("PERSON", "Annas")]


def test_what_is_not_named_in_the_label_map_is_not_reported(tagger: Checkpoint) -> None:
    reader = open_checkpoint(replace(tagger, labels={"LOC": "LOCATION"}))
    assert spans(reader.detect("anna in berlin", "user"), "anna in berlin") == [("LOCATION", "berlin")]


def test_roles_that_it_does_not_judge_are_passed_over(tagger: Checkpoint) -> None:
    reader = open_checkpoint(replace(tagger, roles=frozenset({"user"})))
    assert reader.glance("anna", "assistant").settled
    said = reader.read(["anna", "anna"], ["assistant", "user"])
    assert [len(getattr(reading, "findings", ())) for reading in said] == [0, 1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(["anna", "berlin", "bake", "cake"]), max_size=200))
def test_a_long_text_is_found_in_as_its_words_are(tagger: Checkpoint, words: list[str]) -> None:
    text = " ".join(words)
    reader = _opened(replace(tagger, max_length=16, stride=4))
    expected = [word for word in words if word in ("anna", "berlin")]
    assert [part for _, part in spans(reader.detect(text, "user"), text)] == expected


_OPEN: dict[str, Reader] = {}


def _opened(checkpoint: Checkpoint) -> Reader:
    """Opened once."""
    if (key := str(checkpoint.path)) not in _OPEN:
        _OPEN[key] = open_checkpoint(checkpoint)
    return _OPEN[key]


def test_a_span_over_the_edge_of_a_window_is_one(tagger: Checkpoint) -> None:
    reader = open_checkpoint(replace(tagger, max_length=16, stride=4))
    for before in range(10, 16):
        text = "cake " * before + "anna smith" + " cake" * 20
        assert spans(reader.detect(text, "user"), text) == [("PERSON", "anna smith")]


def test_many_texts_are_read_as_each_alone(tagger: Checkpoint) -> None:
    reader = open_checkpoint(tagger)
    texts = ["anna", "", " ", "cake " * 90 + "berlin", "bake a cake", "anna in berlin"]
    together = reader.read(texts, ["user"] * len(texts))
    for text, reading in zip(texts, together, strict=True):
        (alone,) = reader.read([text], ["user"])
        assert spans(reading.findings, text) == spans(alone.findings, text)  # type: ignore[union-attr]


@pytest.mark.parametrize(("length", "fits"), [(64, True), (65, False)])
def test_a_window_longer_than_the_model_takes_is_refused(tagger: Checkpoint, length: int, fits: bool) -> None:
    chosen = replace(tagger, max_length=length)
    if fits:
        open_checkpoint(chosen)
        return
    with pytest.raises(ConfigError) as caught:
        open_checkpoint(chosen)
    assert caught.value.code == "checkpoint.config"


def test_a_label_that_the_model_does_not_have_is_refused(tagger: Checkpoint) -> None:
    with pytest.raises(ConfigError) as caught:
        open_checkpoint(replace(tagger, labels={"B-PER": "PERSON"}))
    assert caught.value.code == "checkpoint.labels"
    assert "LOC, PER" in (caught.value.why or "")

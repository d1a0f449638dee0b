"""Models of one's own are loaded by configuration and asked with the rest; what one cannot say is never clean text."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from govkernel.config import load_settings
from govkernel.errors import ConfigError, GovkernelError
from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.options import Options
from runtime_guard.readers.ask import Depth, Readers
from runtime_guard.readers.batcher import Batcher
from runtime_guard.readers.interface import Reading
from runtime_guard.screen import Screen

pytest.importorskip("presidio_analyzer", reason='pip install "govkernel[guard]"')
from govkernel.guarding import options_of

FILE = """
[guard]
tiers = [0]
device_fault = "refuse"

[[guard.models]]
path = "tagger"
kind = "tokens"
name = "names"
labels = { PER = "PERSON", LOC = "LOCATION" }
thresholds = { PERSON = 0.6 }
roles = ["user", "tool"]

[[guard.models]]
path = "judge"
kind = "judge"
name = "judge"
labels = { S1 = "violence" }
"""


@pytest.fixture
def workspace(tmp_path: Path, tagger: Checkpoint, judged: Checkpoint) -> Path:
    file = tmp_path / "govkernel.toml"
    file.write_text(FILE)
    return file


def screen(file: Path) -> Screen:
    return Screen(options=options_of(load_settings(file)))


def labels(made: Screen, text: str, role: str = "user") -> set[str]:
    found = asyncio.run(made.message(text, role))
    return {item.label for item in found}


def test_a_table_of_the_configuration_is_a_model_that_is_asked(workspace: Path) -> None:
    made = screen(workspace)
    assert labels(made, "anna lives in berlin") == {"PERSON", "LOCATION"}
    assert labels(made, "anna lives in berlin", "assistant") == set()
    assert labels(made, "a bomb please") == {"violence"}


def test_what_the_tables_say_arrives(workspace: Path, tmp_path: Path) -> None:
    options = options_of(load_settings(workspace))
    names, judge = options.models
    assert names.path == tmp_path / "tagger"
    assert (names.bound("PERSON"), names.bound("LOCATION")) == (0.6, 0.5)
    assert (names.roles, judge.kind, options.on_fault) == ({"user", "tool"}, "judge", "refuse")


def test_loading_and_screening_dial_nobody(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any) -> Any:
        raise AssertionError("dialled out")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert labels(screen(workspace), "anna") == {"PERSON"}


def test_two_detectors_of_one_name_are_refused(tagger: Checkpoint) -> None:
    with pytest.raises(ConfigError) as caught:
        Screen(options=Options(tiers=frozenset({0}), models=(tagger, tagger)))
    assert caught.value.code == "checkpoint.settings"


@pytest.mark.parametrize("line", ['kind = "pickles"', "trust_remote_code = true", 'revision = "main"'])
def test_a_table_with_anything_else_in_it_is_refused(workspace: Path, line: str) -> None:
    workspace.write_text(FILE + line + "\n")
    with pytest.raises(ConfigError):
        load_settings(workspace)


def test_a_text_without_a_verdict_is_an_error_and_not_clean(workspace: Path) -> None:
    made = screen(workspace)
    with pytest.raises(GovkernelError) as caught:
        labels(made, "babble")
    assert caught.value.code == "guard.detector-failed"


def test_a_row_without_a_verdict_is_a_row_with_an_error(workspace: Path) -> None:
    rows = [{"id": number, "text": text} for number, text in enumerate(["a cake", "babble", "a bomb"])]
    said = list(screen(workspace).screen_many(rows))
    assert [row.get("error", {}).get("code") for row in said] == [None, "guard.detector-failed", None]
    assert said[2]["flagged"] == ["violence"]


class Overloaded:
    """A model that reads closely only, and always has too much to read."""

    name = "close"
    labels = frozenset({"hate"})

    def glance(self, text: str, role: str) -> Reading:
        return Reading(settled=False)

    def read(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading]:
        raise AssertionError("is never reached")

    def detect(self, text: str, role: str) -> list[Any]:
        return []


def test_a_model_that_says_nothing_at_once_is_not_shed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A glance that is nobody's word would let everything pass."""
    readers = Readers([Overloaded()], disguises=False, shed=True)
    (batcher,) = readers._batchers
    assert isinstance(batcher, Batcher)
    monkeypatch.setattr(batcher, "_max_waiting", 0)
    with pytest.raises(GovkernelError) as caught:
        asyncio.run(readers.ask("text", "user", "", Depth.DOUBT))
    assert caught.value.code == "guard.overloaded"

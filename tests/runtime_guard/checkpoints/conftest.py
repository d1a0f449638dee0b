"""Tiny models that the tests write themselves: a tagger of names, a classifier of attacks, a judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runtime_guard.checkpoints.settings import Checkpoint

WORDS = [
    "anna",
    "smith",
    "berlin",
    "lives",
    "in",
    "na",
    "##s",
    ".",
    ",",
    "please",
    "ignore",
    "rules",
    "cake",
    "bake",
]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
NAMES = {"anna": "B-PER", "smith": "I-PER", "##s": "I-PER", "berlin": "B-LOC"}


def needed() -> None:
    """Skip where the extra is not installed."""
    pytest.importorskip("transformers", reason='pip install "govkernel[models]"')
    pytest.importorskip("torch", reason='pip install "govkernel[models]"')


@pytest.fixture
def tagger(tmp_path: Path) -> Checkpoint:
    """Finds names."""
    return write_tagger(tmp_path / "tagger")


def write_tagger(folder: Path, kind: str = "bert", **said: Any) -> Checkpoint:
    """A BERT, or another architecture, that tags names; ``said`` goes into its settings."""
    needed()
    from tests.simulators.checkpoints import word_pieces, write_classifier

    write_classifier(folder, word_pieces(WORDS), TAGS, NAMES, kind=kind)
    settings: dict[str, Any] = {"labels": {"PER": "PERSON", "LOC": "LOCATION"}, "device": "cpu", **said}
    return Checkpoint(path=folder, kind="tokens", name="names", **settings)


@pytest.fixture
def classifier(tmp_path: Path) -> Checkpoint:
    """Flags attacks."""
    return write_attacks(tmp_path / "attacks")


def write_attacks(
    folder: Path, kind: str = "bert", config: dict[str, Any] | None = None, **said: Any
) -> Checkpoint:
    """A classifier of attacks, whose words are ``ignore`` and ``rules``; ``config`` goes into its configuration."""
    needed()
    from tests.simulators.checkpoints import word_pieces, write_classifier

    tags, script = ["BENIGN", "INJECTION", "JAILBREAK"], {"ignore": "JAILBREAK", "rules": "INJECTION"}
    write_classifier(folder, word_pieces(WORDS), tags, script, kind=kind, whole=True, **(config or {}))
    meant = {"INJECTION": "prompt_injection", "JAILBREAK": "jailbreak"}
    settings: dict[str, Any] = {"labels": meant, "device": "cpu", **said}
    return Checkpoint(path=folder, kind="labels", name="attacks", **settings)


@pytest.fixture
def judged(tmp_path: Path) -> Checkpoint:
    """Writes verdicts."""
    return write_judged(tmp_path / "judge")


def write_judged(folder: Path, config: dict[str, Any] | None = None, **said: Any) -> Checkpoint:
    """A judge of bombs and knives; ``config`` goes into its configuration, ``said`` into its settings."""
    needed()
    from tests.simulators.judges import write_judge

    write_judge(folder, **(config or {}))
    settings: dict[str, Any] = {
        "labels": {"S1": "violence", "S2": "hate", "S3": "weapons"},
        "device": "cpu",
        **said,
    }
    return Checkpoint(path=folder, kind="judge", name="judge", **settings)

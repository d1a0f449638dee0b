"""What is said about a model of one's own is checked before anything of it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from govkernel.errors import ConfigError
from runtime_guard.checkpoints.settings import Checkpoint

GOOD: dict[str, Any] = {
    "path": Path("m"),
    "kind": "labels",
    "name": "own",
    "labels": {"JAILBREAK": "jailbreak"},
}
TAGGER: dict[str, Any] = {
    **GOOD,
    "kind": "tokens",
    "labels": {"PER": "PERSON", "NAME": "PERSON", "LOC": "LOCATION"},
}
PIN = "sha256:" + "0" * 64


def test_what_may_be_reported_is_named_once_each() -> None:
    assert Checkpoint(**TAGGER).ours == ("LOCATION", "PERSON")


def test_a_label_counts_from_its_own_bound_on_or_from_that_of_all() -> None:
    said = Checkpoint(**TAGGER, threshold=0.7, thresholds={"PERSON": 0.9})
    assert (said.bound("PERSON"), said.bound("LOCATION")) == (0.9, 0.7)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "Own Model"}, "name"),
        ({"labels": {}}, "labels"),
        ({"labels": {"JAILBREAK": "JAILBREAK"}}, "small letters"),
        ({"kind": "tokens"}, "capitals"),
        ({"labels": {str(number): "hate" for number in range(257)}}, "labels"),
        ({"threshold": 0.0}, "thresholds"),
        ({"thresholds": {"jailbreak": 1.1}}, "thresholds"),
        ({"thresholds": {"hate": 0.5}}, "not reported"),
        ({"kind": "judge", "threshold": 0.9}, "verdict"),
        ({"roles": frozenset[str]()}, "roles"),
        ({"roles": frozenset({"robot"})}, "roles"),
        ({"max_length": 8}, "max_length"),
        ({"max_length": 64, "stride": 22}, "stride"),
        ({"bundle": Path("b")}, "bundle and key"),
        ({"key": Path("k")}, "bundle and key"),
        ({"digest": "0" * 64}, "digest"),
        ({"digest": PIN, "bundle": Path("b"), "key": Path("k")}, "digest"),
        ({"kind": "judge", "max_new_tokens": 1000}, "max_new_tokens"),
        ({"kind": "judge", "safe": "no", "unsafe": "No"}, "safe"),
        ({"kind": "judge", "safe": "no\n"}, "safe"),
    ],
)
def test_what_does_not_go_together_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Checkpoint(**(GOOD | wrong))
    assert caught.value.code == "checkpoint.settings"
    assert why in (caught.value.why or "")

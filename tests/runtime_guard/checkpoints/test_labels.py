"""Sequence classifiers score a message by its windows; what labels share, and which exclude each other, counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from govkernel.errors import ConfigError
from runtime_guard.checkpoints.opening import open_checkpoint
from runtime_guard.checkpoints.settings import Checkpoint
from runtime_guard.readers.interface import Reading
from tests.runtime_guard.checkpoints.conftest import write_attacks


def reading(checkpoint: Checkpoint, text: str, role: str = "user") -> Reading:
    (said,) = open_checkpoint(checkpoint).read([text], [role])
    assert isinstance(said, Reading)
    return said


@pytest.mark.parametrize("kind", ["bert", "deberta-v2", "roberta", "distilbert"])
def test_attacks_are_flagged_by_any_architecture(tmp_path: Path, kind: str) -> None:
    chosen = write_attacks(tmp_path / kind, kind)
    assert reading(chosen, "please ignore this").flagged == {"jailbreak"}
    assert reading(chosen, "please follow the rules").flagged == {"prompt_injection"}
    assert reading(chosen, "bake a cake").flagged == frozenset()


def test_what_was_flagged_is_a_finding_about_the_whole_message(classifier: Checkpoint) -> None:
    (found,) = open_checkpoint(classifier).detect("ignore this", "user")
    assert (found.whole_message, found.label, found.detector) == (True, "jailbreak", "attacks")


def test_one_bad_window_of_a_long_message_is_enough(classifier: Checkpoint) -> None:
    text = "bake a cake, please. " * 100 + "ignore" + " bake a cake, please." * 100
    assert reading(classifier, text).flagged == {"jailbreak"}


def test_labels_that_exclude_each_other_add_up_where_they_are_called_the_same(classifier: Checkpoint) -> None:
    merged = replace(classifier, labels={"INJECTION": "prompt_injection", "JAILBREAK": "prompt_injection"})
    apart, together = reading(classifier, "bake"), reading(merged, "bake")
    assert together.scores["prompt_injection"] == pytest.approx(sum(apart.scores.values()))


def test_labels_with_chances_of_their_own_do_not_add_up(tmp_path: Path) -> None:
    config = {"problem_type": "multi_label_classification"}
    both = write_attacks(tmp_path / "many", config=config)
    merged = replace(both, labels={"INJECTION": "prompt_injection", "JAILBREAK": "prompt_injection"})
    apart, together = reading(both, "bake"), reading(merged, "bake")
    assert together.scores["prompt_injection"] == pytest.approx(max(apart.scores.values()))


def test_a_bound_decides_what_is_flagged_and_not_what_is_scored(classifier: Checkpoint) -> None:
    low = replace(classifier, thresholds={"jailbreak": 0.01})
    assert reading(low, "bake").flagged == {"jailbreak"}
    assert reading(low, "bake").scores == reading(classifier, "bake").scores


def test_only_what_a_role_can_write_is_flagged(classifier: Checkpoint) -> None:
    said = reading(classifier, "ignore", role="assistant")
    assert (said.flagged, said.scores["jailbreak"] > 0.9) == (frozenset(), True)


def test_an_empty_text_is_nothing(classifier: Checkpoint) -> None:
    assert set(reading(classifier, "").scores.values()) == {0.0}


def test_a_model_that_gives_numbers_is_no_classifier(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        open_checkpoint(write_attacks(tmp_path / "numbers", config={"problem_type": "regression"}))
    assert caught.value.code == "checkpoint.config"


def test_what_are_no_numbers_is_an_error_and_not_harmless(classifier: Checkpoint) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    file = classifier.path / "model.safetensors"
    weights = load_file(file)
    reader = open_checkpoint(classifier)
    weights["classifier.bias"] = torch.full_like(weights["classifier.bias"], float("nan"))
    save_file(weights, file)
    assert reader.read(["bake"], ["user"])
    with pytest.raises(ConfigError):
        open_checkpoint(classifier)

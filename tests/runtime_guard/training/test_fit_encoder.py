"""Fitting the encoder: batches hold every sample once, what is taught is learned, the same seed learns the same."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.encoder.bert import Bert, _shapes
from runtime_guard.encoder.config import EncoderConfig
from runtime_guard.encoder.engine import CpuEngine, Windows
from runtime_guard.encoder.shapes import SHAPES
from runtime_guard.readers.interface import SAFETY_LABELS
from runtime_guard.training.effort import EFFORTS
from runtime_guard.training.fit_encoder import Course, FittedEncoder, fit_encoder, untaught
from runtime_guard.training.samples import NO_TAG, Sample, grouped

BAD, GOOD, NAME = 200, 201, 202
LITTLE = Course(epochs=40, pieces=200)


def sample(ids: Sequence[int], *, bad: bool = False, tags: Sequence[int] | None = None) -> Sample:
    """A window whose first label is known."""
    values = np.zeros(len(SAFETY_LABELS), np.float32)
    weights = np.zeros(len(SAFETY_LABELS), np.float32)
    values[0], weights[0] = bad, 1.0
    written = np.zeros((len(ids), SHAPES), np.float16)
    return Sample(ids, written, tags or [NO_TAG] * len(ids), (), values, weights, 0, 0, "test")


def small_bert() -> Bert:
    """One layer of width 16, random."""
    config = EncoderConfig.model_validate(
        {
            "vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 32, "max_position_embeddings": 32, "type_vocab_size": 2, "hidden_act": "gelu",
            "layer_norm_eps": 1e-12, "model_type": "bert",
        }
    )  # fmt: skip
    generator = torch.Generator().manual_seed(1)
    sizes = {"embeddings.word_embeddings.weight": 300}
    return Bert(
        config,
        {
            name: torch.randn([size or sizes.get(name, 2) for size in shape], generator=generator) * 0.5
            for name, shape in _shapes(config).items()
        },
    )


def taught() -> list[Sample]:
    """Texts that are bad if they hold one piece, and in which another piece is a person's name."""
    rng = random.Random(3)
    made = []
    for number in range(300):
        ids = [101, rng.randrange(110, 190), *[BAD if number % 2 else GOOD] * 3, NAME, 102]
        made.append(sample(ids, bad=bool(number % 2), tags=[int(piece == NAME) for piece in ids]))
    return made


@given(st.lists(st.integers(1, 60), max_size=80), st.integers(60, 400))
def test_batches_hold_every_sample_once_and_no_more_pieces_than_they_may(
    lengths: list[int], pieces: int
) -> None:
    samples = [sample([7] * length) for length in lengths]
    groups = grouped(samples, pieces, random.Random(1))
    assert sorted(index for group in groups for index in group) == list(range(len(samples)))
    assert all(max(lengths[index] for index in group) * len(group) <= pieces for group in groups)


def said(fitted: FittedEncoder, ids: Sequence[int]) -> tuple[float, list[int]]:
    """The first label's logit, and the likeliest tags."""
    windows = Windows(
        torch.tensor([list(ids)]),
        torch.ones(1, len(ids), dtype=torch.int64),
        torch.zeros(1, len(ids), SHAPES),
        torch.zeros(1, dtype=torch.int64),
    )
    safety, tags = CpuEngine(fitted.bert, fitted.heads, reduced=False).run(windows)
    return float(safety[0, 0]), tags[0].argmax(-1).tolist()


def test_what_is_taught_is_learned_and_learned_alike() -> None:
    published = small_bert()
    before = {name: value.clone() for name, value in published.weights.items()}
    fitted, again = (fit_encoder(untaught(published, 5), taught(), 5, LITTLE) for _ in range(2))
    bad, tags = said(fitted, [101, 120, BAD, BAD, BAD, NAME, 102])
    good, _ = said(fitted, [101, 120, GOOD, GOOD, GOOD, NAME, 102])
    assert bad > good + 0.2
    assert tags == [0, 0, 0, 0, 0, 1, 0]
    assert all(torch.equal(value, before[name]) for name, value in published.weights.items())
    assert all(torch.equal(value, again.bert.weights[name]) for name, value in fitted.bert.weights.items())


def test_what_was_learned_before_is_gone_on_with() -> None:
    ground = fit_encoder(untaught(small_bert(), 5), taught(), 5, LITTLE)
    before = {name: value.clone() for name, value in ground.heads.weights.items()}
    other = [sample([101, BAD, GOOD, 102], bad=True)]
    later = fit_encoder(ground, other, 5, Course(epochs=1, pieces=200, pace=0.1))
    assert said(later, [101, 120, BAD, BAD, BAD, NAME, 102])[1] == [0, 0, 0, 0, 0, 1, 0]
    assert all(torch.equal(value, before[name]) for name, value in ground.heads.weights.items())
    assert not torch.equal(later.heads.weights["safety.bias"], before["safety.bias"])


def test_weights_are_the_same_in_another_process() -> None:
    fitted = untaught(small_bert(), 5)
    again = FittedEncoder.unpacked(fitted.packed(), fitted.bert.config)
    for ours, theirs in (
        (fitted.bert.weights, again.bert.weights),
        (fitted.heads.weights, again.heads.weights),
    ):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


@pytest.mark.parametrize("name", sorted(EFFORTS))
def test_an_effort_is_one_that_can_be_made(name: str) -> None:
    effort = EFFORTS[name]
    assert 0 < effort.again <= 1
    assert min(effort.ground, effort.sources) > 0
    assert effort.pieces >= 128
    assert effort.jobs >= 1

"""How far inputs go: the farthest that was seen, of every entrance, whatever the order of the samples."""

from __future__ import annotations

import torch

from runtime_guard.encoder.bert import entrances
from runtime_guard.training.reach import reached
from tests.runtime_guard.training.test_fit_encoder import sample, small_bert

SAMPLES = [sample([101, *range(110, 110 + number), 102]) for number in range(1, 25)]


def test_what_enters_the_first_layer_is_what_the_words_are_made_of() -> None:
    bert = small_bert()
    found = reached(bert, SAMPLES, 1)
    assert list(found) == entrances(bert.config)
    states = [bert.begin(torch.tensor([list(item.ids)])).abs().amax((0, 1)) for item in SAMPLES]
    first = found["encoder.layer.0.attention.self"]
    assert bool((first >= torch.stack(states).amax(0) - 1e-5).all())
    assert all(float(reach.min()) > 0 for reach in found.values())


def test_the_order_of_samples_does_not_matter() -> None:
    one, other = reached(small_bert(), SAMPLES, 1), reached(small_bert(), SAMPLES[::-1], 2)
    assert all(torch.allclose(one[name], other[name], atol=1e-4) for name in one)


def test_more_samples_go_no_less_far() -> None:
    few, many = reached(small_bert(), SAMPLES[:5], 1), reached(small_bert(), SAMPLES, 1)
    assert all(bool((many[name] >= few[name] - 1e-4).all()) for name in few)

"""How far from 0 what enters an encoder's layers goes, seen on some of what it learned from: for computing in bytes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from runtime_guard.encoder.bert import ACTIVATIONS, INNER, Bert, entrances, joined
from runtime_guard.training.samples import Sample, padded

SOME: Final = 800
"""Windows that are looked at."""

_TOGETHER: Final = 16


def reached(bert: Bert, samples: Sequence[Sample], seed: int) -> dict[str, Tensor]:
    """The farthest that each channel was seen to go, as :attr:`runtime_guard.encoder.bert.Bert.reach`.

    Args:
        bert: float32, on the CPU.
        samples: windows; some of them are looked at.
        seed: of the choice.
    """
    found = {name: torch.zeros(bert.config.hidden_size) for name in entrances(bert.config)}
    watched = replace(bert, linears={name: _watching(bert, name, found) for name in found})
    chosen = random.Random(seed).sample(samples, min(SOME, len(samples)))  # noqa: S311 - not for secrets
    chosen.sort(key=lambda sample: len(sample.ids))
    with torch.inference_mode():
        for start in range(0, len(chosen), _TOGETHER):
            batch = padded(chosen[start : start + _TOGETHER])
            watched.layers(watched.begin(batch.ids), batch.mask, 0, bert.config.num_hidden_layers)
    return {name: reach.clone() for name, reach in found.items()}


def _watching(bert: Bert, name: str, found: dict[str, Tensor]) -> Callable[[Tensor], Tensor]:
    """What stands at an entrance, noting what comes by."""
    inner = name.endswith(INNER)
    weight, bias = joined(bert, name)
    activate = ACTIVATIONS[bert.config.hidden_act]

    def linear(values: Tensor) -> Tensor:
        found[name] = torch.maximum(found[name], values.abs().flatten(0, -2).amax(0))
        made = F.linear(values, weight, bias)
        return activate(made) if inner else made

    return linear

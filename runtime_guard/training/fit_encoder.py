"""Fine-tune the encoder: lower layers frozen and run once, upper layers and both heads fitted together."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from runtime_guard.encoder.bert import Bert
from runtime_guard.encoder.heads import Heads, head_shapes
from runtime_guard.encoder.tags import TAGS
from runtime_guard.training.samples import NO_TAG, Batch, Sample, batches, grouped, padded

FROZEN: Final = 3
"""Layers that stay as they were published."""

EPOCHS: Final = 1.0
RATE: Final = 1.5e-4
HEAD_RATE: Final = 1.5e-3
WARM: Final = 0.06
SAFETY_SHARE: Final = 2.0
"""What the safety loss counts beside the loss of the tags."""


@dataclass(frozen=True)
class FittedEncoder:
    """An encoder and its heads."""

    bert: Bert
    heads: Heads


def fit_encoder(
    bert: Bert,
    samples: Sequence[Sample],
    seed: int,
    epochs: float = EPOCHS,
    tell: Callable[[str], None] = lambda _: None,
) -> FittedEncoder:
    """Upper layers and heads fitted to samples that went through :func:`runtime_guard.training.samples.lower`.

    Args:
        bert: the published model; it is not changed.
        samples: with their states.
        seed: of initial heads, order and dropout.
        epochs: passes over the samples.
        tell: told the loss now and then.
    """
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    upper = {
        name: value.clone().requires_grad_()
        for name, value in bert.weights.items()
        if _layer_of(name) >= FROZEN
    }
    heads = {
        name: (torch.randn(shape, generator=generator) * 0.02 if len(shape) > 1 else torch.zeros(shape))
        .requires_grad_()
        for name, shape in head_shapes(bert.config.hidden_size).items()
    }  # fmt: skip
    model = FittedEncoder(Bert(bert.config, {**bert.weights, **upper}), Heads(heads))
    optimizer = torch.optim.AdamW(
        [{"params": list(upper.values()), "lr": RATE}, {"params": list(heads.values()), "lr": HEAD_RATE}],
        weight_decay=0.01,
    )
    plan = [batch for _ in range(int(np.ceil(epochs))) for batch in batches_of(samples, rng)]
    plan = plan[: max(1, int(len(plan) * epochs / np.ceil(epochs)))]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / len(plan)))
    running = 0.0
    for step, chosen in enumerate(plan):
        loss = _loss(model, chosen())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*upper.values(), *heads.values()], 1.0)
        optimizer.step()
        schedule.step()
        running = 0.98 * running + 0.02 * float(loss.detach())
        if step % 50 == 49:
            tell(f"step {step + 1}/{len(plan)} loss {running / (1 - 0.98 ** (step + 1)):.4f}")
    return _detached(model)


def batches_of(samples: Sequence[Sample], rng: random.Random) -> list[Callable[[], Batch]]:
    """Batches of one epoch, padded only when they are needed."""

    def lazily(group: Sequence[int]) -> Callable[[], Batch]:
        return lambda: padded([samples[index] for index in group])

    return [lazily(group) for group in grouped(samples, rng)]


def run(
    model: FittedEncoder, samples: Sequence[Sample], first: int = FROZEN
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """Safety logits per sample, and chances of tags per sample and piece.

    Args:
        model: the encoder.
        samples: with states if ``first`` is not 0.
        first: the layer from which on it is run.
    """
    safety = np.zeros((len(samples), model.heads.weights["safety.bias"].shape[0]), np.float32)
    tags: list[NDArray[np.float32]] = [np.zeros((0, len(TAGS)), np.float32)] * len(samples)
    with torch.inference_mode():
        for group, batch in batches(samples):
            hidden = _hidden(model, batch, first)
            safety[group] = model.heads.safety(hidden, batch.mask, batch.roles).numpy()
            chances = model.heads.tags(hidden, batch.written).softmax(-1).numpy()
            for row, index in enumerate(group):
                tags[index] = chances[row, : len(samples[index].ids)]
    return safety, tags


def _hidden(model: FittedEncoder, batch: Batch, first: int) -> Tensor:
    states = model.bert.begin(batch.ids) if batch.states is None or not first else batch.states
    return model.bert.layers(states, batch.mask, first, model.bert.config.num_hidden_layers)


def _loss(model: FittedEncoder, batch: Batch) -> Tensor:
    hidden = F.dropout(_hidden(model, batch, FROZEN), 0.1)
    safety = model.heads.safety(hidden, batch.mask, batch.roles)
    judged = F.binary_cross_entropy_with_logits(safety, batch.values, batch.weights, reduction="sum")
    loss = SAFETY_SHARE * judged / batch.weights.sum().clamp(min=1)
    if bool((batch.tags != NO_TAG).any()):
        logits = model.heads.tags(hidden, batch.written) + batch.silent
        loss = loss + F.cross_entropy(logits.flatten(0, 1), batch.tags.flatten(), ignore_index=NO_TAG)
    return loss


def _rate(share: float) -> float:
    return min(share / WARM, (1 - share) / (1 - WARM)) + 0.02


def _layer_of(name: str) -> int:
    return int(name.split(".")[2]) if name.startswith("encoder.layer.") else -1


def _detached(model: FittedEncoder) -> FittedEncoder:
    weights: Mapping[str, Tensor] = {name: value.detach() for name, value in model.bert.weights.items()}
    heads = {name: value.detach() for name, value in model.heads.weights.items()}
    return FittedEncoder(Bert(model.bert.config, weights), Heads(heads))

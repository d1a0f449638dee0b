"""Fine-tune the encoder and both heads together; lower layers, which know words, learn more slowly than upper ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from runtime_guard.encoder.bert import Bert, Weights
from runtime_guard.encoder.config import EncoderConfig
from runtime_guard.encoder.heads import Heads, head_shapes
from runtime_guard.training.samples import NO_TAG, Batch, Sample, grouped, padded

RATE: Final = 2e-4
"""Of the uppermost layer."""

SLOWER: Final = 0.8
"""What the rate of a layer is of the one above it."""

HEAD_RATE: Final = 1.5e-3
WARM: Final = 0.06
DROPOUT: Final = 0.1
"""Of the last states."""

HIDDEN: Final = 0.06
"""Share of word pieces that are masked, so that no single one decides."""

_LAST_SPECIAL: Final = 103
"""Id of the mask, the last of the vocabulary's special pieces."""

_BERT: Final = "bert."
_HEADS: Final = "heads."

SAFETY_SHARE: Final = 2.0
"""What the safety loss counts beside the loss of the tags."""


@dataclass(frozen=True)
class Course:
    """How often, how many at a time and how fast.

    Attributes:
        epochs: passes over the samples.
        pieces: word pieces of a batch, padding included.
        pace: what the rates count; less for an encoder that has learned before.
    """

    epochs: float
    pieces: int
    pace: float = 1.0


@dataclass(frozen=True)
class FittedEncoder:
    """An encoder and its heads."""

    bert: Bert
    heads: Heads

    def packed(self) -> bytes:
        """The weights as safetensors, to be handed to another process."""
        return save(
            {
                **{_BERT + name: value for name, value in self.bert.weights.items()},
                **{_HEADS + name: value for name, value in self.heads.weights.items()},
            }
        )

    @classmethod
    def unpacked(cls, data: bytes, config: EncoderConfig) -> FittedEncoder:
        """Weights that were packed.

        Args:
            data: as :meth:`packed` gives them.
            config: of the encoder.
        """
        parts: dict[str, dict[str, Tensor]] = {_BERT: {}, _HEADS: {}}
        for name, value in load(data).items():
            part = _BERT if name.startswith(_BERT) else _HEADS
            parts[part][name.removeprefix(part)] = value
        return cls(Bert(config, parts[_BERT]), Heads(parts[_HEADS]))


def untaught(bert: Bert, seed: int) -> FittedEncoder:
    """A published model, and heads that know nothing yet."""
    generator = torch.Generator().manual_seed(seed)
    heads = {
        name: torch.randn(shape, generator=generator) * 0.02 if len(shape) > 1 else torch.zeros(shape)
        for name, shape in head_shapes(bert.config.hidden_size).items()
    }
    return FittedEncoder(bert, Heads(heads))


def fit_encoder(
    start: FittedEncoder,
    samples: Sequence[Sample],
    seed: int,
    course: Course,
    tell: Callable[[str], None] = lambda _: None,
) -> FittedEncoder:
    """Encoder and heads fitted to samples; on a GPU where there is one.

    Args:
        start: where it begins; it is not changed.
        samples: windows with what is known about them.
        seed: of order and dropout.
        course: how often and how fast they are learned from.
        tell: told the loss now and then.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(seed)
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    weights, heads = (
        {name: value.to(device).clone().requires_grad_() for name, value in part.weights.items()}
        for part in (start.bert, start.heads)
    )
    config = start.bert.config
    model = FittedEncoder(Bert(config, weights), Heads(heads))
    optimizer = torch.optim.AdamW(
        _groups(weights, heads, config.num_hidden_layers, course.pace), weight_decay=0.01
    )
    rounds = int(np.ceil(course.epochs))
    plan = [batch for _ in range(rounds) for batch in batches_of(samples, course.pieces, rng)]
    plan = plan[: max(1, int(len(plan) * course.epochs / rounds))]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / len(plan)))
    learned = [*weights.values(), *heads.values()]
    running = torch.zeros((), device=device)
    for step, chosen in enumerate(plan):
        with torch.autocast(device.type, torch.bfloat16), _attention(device):
            loss = _loss(model, chosen().to(device))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        schedule.step()
        running = 0.98 * running + 0.02 * loss.detach()
        if step % 100 == 99:
            tell(f"step {step + 1}/{len(plan)} loss {float(running) / (1 - 0.98 ** (step + 1)):.4f}")
    return _detached(model)


def batches_of(samples: Sequence[Sample], pieces: int, rng: random.Random) -> list[Callable[[], Batch]]:
    """Batches of one epoch, padded only when they are needed."""

    def lazily(group: Sequence[int]) -> Callable[[], Batch]:
        return lambda: padded([samples[index] for index in group])

    return [lazily(group) for group in grouped(samples, pieces, rng)]


def _loss(model: FittedEncoder, batch: Batch) -> Tensor:
    layers = model.bert.config.num_hidden_layers
    hide = (torch.rand(batch.ids.shape, device=batch.ids.device) < HIDDEN) & (batch.ids > _LAST_SPECIAL)
    ids = batch.ids.masked_fill(hide, _LAST_SPECIAL)
    hidden = F.dropout(model.bert.layers(model.bert.begin(ids), batch.mask, 0, layers), DROPOUT)
    safety = model.heads.safety(hidden, batch.mask, batch.roles)
    judged = F.binary_cross_entropy_with_logits(safety.float(), batch.values, batch.weights, reduction="sum")
    loss = SAFETY_SHARE * judged / batch.weights.sum().clamp(min=1)
    if bool((batch.tags != NO_TAG).any()):
        logits = model.heads.tags(hidden, batch.written).float() + batch.silent
        loss = loss + F.cross_entropy(logits.flatten(0, 1), batch.tags.flatten(), ignore_index=NO_TAG)
    return loss


def _attention(device: torch.device) -> AbstractContextManager[None]:
    """On a CPU plain products, whose gradients cost half of what those of the fused kernel do."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


def _rate(share: float) -> float:
    return min(share / WARM, (1 - share) / (1 - WARM)) + 0.02


def _groups(weights: Weights, heads: Weights, layers: int, pace: float) -> list[dict[str, Any]]:
    """What is learned, layer by layer with its rate."""
    by_layer: dict[int, list[Tensor]] = {}
    for name, value in weights.items():
        by_layer.setdefault(_layer_of(name), []).append(value)
    groups = [
        {"params": params, "lr": pace * RATE * SLOWER ** (layers - 1 - layer)}
        for layer, params in by_layer.items()
    ]
    return [*groups, {"params": list(heads.values()), "lr": pace * HEAD_RATE}]


def _layer_of(name: str) -> int:
    """Number of the layer that a weight belongs to; -1 for the embeddings."""
    return int(name.split(".")[2]) if name.startswith("encoder.layer.") else -1


def _detached(model: FittedEncoder) -> FittedEncoder:
    weights: Mapping[str, Tensor] = {name: value.detach().cpu() for name, value in model.bert.weights.items()}
    heads = {name: value.detach().cpu() for name, value in model.heads.weights.items()}
    return FittedEncoder(Bert(model.bert.config, weights), Heads(heads))

"""The forward pass of BERT as functions over a mapping of weights, named as in the published checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from govkernel.errors import ConfigError
from runtime_guard.encoder.config import EncoderConfig

Weights = Mapping[str, Tensor]

ACTIVATIONS: Final[Mapping[str, Callable[[Tensor], Tensor]]] = {
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
}


INNER: Final = "intermediate"
"""Of a layer: its first feed-forward layer and the activation."""

QKV: Final = "attention.self"
"""Of a layer: what the three projections of its attention are made by."""

PROJECTIONS: Final = ("query", "key", "value")


@dataclass(frozen=True)
class Bert:
    """A model ready to run; make it with :func:`checked`.

    Attributes:
        config: its shape.
        weights: float32 tensors by checkpoint name, without a ``bert.`` prefix.
        linears: faster stand-ins for linear layers, by name without ``.weight``; under :data:`INNER` with the
            activation behind them, under :data:`QKV` for queries, keys and values at once.
        attend: mixes values by queries and keys, each (texts, heads, length, width of a head), and a mask.
        reach: for each layer under :data:`INNER` and :data:`QKV`, how far from 0 what enters there was seen to go,
            (hidden_size,); where nothing is known, nothing is computed in eight bits.
    """

    config: EncoderConfig
    weights: Weights
    linears: Mapping[str, Callable[[Tensor], Tensor]] = field(default_factory=dict)
    attend: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = F.scaled_dot_product_attention
    reach: Weights = field(default_factory=dict)

    def embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Unit-length sentence embeddings.

        Args:
            ids: word-piece ids, int64, (texts, length).
            mask: 1 for word pieces, 0 for padding, same shape.

        Returns:
            float32, (texts, hidden_size), each row of L2 norm 1.
        """
        hidden = self.layers(self.begin(ids), mask, 0, self.config.num_hidden_layers)
        return F.normalize(self._pool(hidden, mask), dim=-1)

    def begin(self, ids: Tensor) -> Tensor:
        """The hidden states that enter the first layer, (texts, length, hidden_size)."""
        return self._embeddings(ids)

    def layers(self, hidden: Tensor, mask: Tensor, first: int, last: int) -> Tensor:
        """The hidden states after the layers from ``first`` up to, not including, ``last``.

        Args:
            hidden: states that enter ``first``, (texts, length, hidden_size).
            mask: 1 for word pieces, 0 for padding, (texts, length).
            first: number of a layer, from 0.
            last: number of a layer; as many as there are for all of them.
        """
        visible = mask[:, None, None, :].bool()
        for number in range(first, last):
            hidden = self._layer(f"encoder.layer.{number}", hidden, visible)
        return hidden

    def _pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        if self.config.pooling == "cls":
            return hidden[:, 0]
        kept = mask[:, :, None].to(hidden.dtype)
        return (hidden * kept).sum(1) / kept.sum(1).clamp(min=1e-9)

    def _embeddings(self, ids: Tensor) -> Tensor:
        weights = self.weights
        words = F.embedding(ids, weights["embeddings.word_embeddings.weight"])
        places = weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        segment = weights["embeddings.token_type_embeddings.weight"][0]
        return self._norm("embeddings.LayerNorm", words + places + segment)

    def _layer(self, name: str, hidden: Tensor, visible: Tensor) -> Tensor:
        attended = self._linear(f"{name}.attention.output.dense", self._attention(name, hidden, visible))
        hidden = self._norm(f"{name}.attention.output.LayerNorm", attended + hidden)
        inner = self._linear(f"{name}.output.dense", self._inner(name, hidden))
        return self._norm(f"{name}.output.LayerNorm", inner + hidden)

    def _attention(self, name: str, hidden: Tensor, visible: Tensor) -> Tensor:
        texts, length, width = hidden.shape
        heads = self.config.num_attention_heads
        query, key, value = (
            part.view(texts, length, heads, width // heads).transpose(1, 2)
            for part in self._projected(f"{name}.{QKV}", hidden)
        )
        return self.attend(query, key, value, visible).transpose(1, 2).reshape(texts, length, width)

    def _projected(self, name: str, hidden: Tensor) -> Sequence[Tensor]:
        """Queries, keys and values."""
        fast = self.linears.get(name)
        if fast is not None:
            return fast(hidden).chunk(len(PROJECTIONS), dim=-1)
        return [self._linear(f"{name}.{part}", hidden) for part in PROJECTIONS]

    def _inner(self, name: str, hidden: Tensor) -> Tensor:
        fast = self.linears.get(f"{name}.{INNER}")
        if fast is not None:
            return fast(hidden)
        return ACTIVATIONS[self.config.hidden_act](self._linear(f"{name}.{INNER}.dense", hidden))

    def _linear(self, name: str, values: Tensor) -> Tensor:
        fast = self.linears.get(name)
        if fast is not None:
            return fast(values)
        return F.linear(values, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, name: str, values: Tensor) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return F.layer_norm(values, weight.shape, weight, bias, self.config.layer_norm_eps)


def entrances(config: EncoderConfig) -> list[str]:
    """Names of what :attr:`Bert.reach` may tell of."""
    return [
        f"encoder.layer.{number}.{name}"
        for number in range(config.num_hidden_layers)
        for name in (QKV, INNER)
    ]


def joined(bert: Bert, entrance: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of what stands at an entrance, its layers one beside the other; see :func:`entrances`."""
    inner = entrance.endswith(INNER)
    parts = [f"{entrance}.dense"] if inner else [f"{entrance}.{part}" for part in PROJECTIONS]
    weight, bias = (
        torch.cat([bert.weights[f"{part}.{kind}"] for part in parts]) for kind in ("weight", "bias")
    )
    return weight, bias


def checked(config: EncoderConfig, tensors: Weights) -> Bert:
    """A model whose weights are all there, in the shapes its configuration promises.

    Args:
        config: the shape.
        tensors: a checkpoint; names may carry the prefix ``bert.``, other tensors are ignored.

    Raises:
        ConfigError: ``encoder.weights``: a tensor is missing or of another shape.
    """
    weights = {}
    for name, shape in _shapes(config).items():
        tensor = tensors.get(name, tensors.get(f"bert.{name}"))
        found = "missing" if tensor is None else tuple(tensor.shape)
        if (
            tensor is None
            or any(want not in (None, got) for want, got in zip(shape, tensor.shape, strict=False))
            or len(shape) != tensor.dim()
        ):
            raise ConfigError(
                "encoder.weights",
                "The weights do not fit the model's configuration.",
                why=f"{name}: {found}",
                remedy="Restore config.json and model.safetensors from the same release.",
            )
        weights[name] = tensor.to(torch.float32)
    return Bert(config, weights)


def _shapes(config: EncoderConfig) -> dict[str, tuple[int | None, ...]]:
    """Name to shape of every tensor needed; None where the configuration does not say."""
    width, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int | None, ...]] = {
        "embeddings.word_embeddings.weight": (None, width),
        "embeddings.position_embeddings.weight": (config.max_position_embeddings, width),
        "embeddings.token_type_embeddings.weight": (None, width),
    }
    linear = {"attention.self.query": (width, width), "attention.self.key": (width, width)}
    linear |= {"attention.self.value": (width, width), "attention.output.dense": (width, width)}
    linear |= {"intermediate.dense": (inner, width), "output.dense": (width, inner)}
    norms = ["embeddings.LayerNorm"]
    for number in range(config.num_hidden_layers):
        prefix = f"encoder.layer.{number}"
        norms += [f"{prefix}.attention.output.LayerNorm", f"{prefix}.output.LayerNorm"]
        for name, shape in linear.items():
            shapes[f"{prefix}.{name}.weight"] = shape
            shapes[f"{prefix}.{name}.bias"] = shape[:1]
    for name in norms:
        shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (width,)
    return shapes

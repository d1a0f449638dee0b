"""Run encoder and heads on windows, where that is fastest: a GPU, a CPU that computes in bfloat16, any CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import torch
from torch import Tensor

from runtime_guard.encoder.bert import INNER, PROJECTIONS, QKV, Bert, entrances, joined
from runtime_guard.encoder.bytewise import ROWS_AHEAD, bytewise, computes_bytes
from runtime_guard.encoder.heads import Heads


@dataclass(frozen=True)
class Windows:
    """A batch of windows, padded to one length.

    Attributes:
        ids: word-piece ids, int64, (windows, length).
        mask: 1 for word pieces, 0 for padding, int64, (windows, length).
        written: how pieces are written, float32, (windows, length, shapes).
        roles: index in :data:`runtime_guard.encoder.heads.ROLES` per window, int64.
    """

    ids: Tensor
    mask: Tensor
    written: Tensor
    roles: Tensor


Outcome = tuple[Tensor, Tensor]
"""Logits of safety labels, (windows, labels), and chances of tags, (windows, length, tags); float32, on the CPU."""


class Engine(Protocol):
    """Runs the encoder somewhere."""

    @property
    def device(self) -> str:
        """Where, for metrics."""

    @property
    def tokens(self) -> int:
        """Word pieces, padding included, that it runs together."""

    @property
    def degraded(self) -> bool:
        """Whether it runs here because a GPU failed."""

    def run(self, windows: Windows) -> Outcome:
        """What the heads say.

        Raises:
            RuntimeError: the device failed.
        """


class CpuEngine:
    """Runs on the CPU: in bfloat16 where it has the instructions for it, else in float32.

    Args:
        bert: float32.
        heads: float32.
        reduced: compute in bfloat16; by default where that is faster.
    """

    device = "cpu"
    tokens = 2048
    degraded = False

    def __init__(self, bert: Bert, heads: Heads, *, reduced: bool | None = None) -> None:
        wanted = computes_bfloat16() if reduced is None else reduced
        self._bert = in_bfloat16(bert) if wanted else bert
        self._heads = heads

    def run(self, windows: Windows) -> Outcome:
        """What the heads say."""
        with torch.inference_mode():
            return forward(self._bert, self._heads, windows)


class Degrading:
    """Runs on one engine until it fails, and on its spare from then on.

    Args:
        first: e.g. a GPU.
        spare: makes the engine that takes over.
        told: called when it does, with the name of the error.
    """

    def __init__(self, first: Engine, spare: Callable[[], Engine], told: Callable[[str], None]) -> None:
        self._engine = first
        self._spare: Callable[[], Engine] | None = spare
        self._told = told

    @property
    def device(self) -> str:
        """Where it runs now."""
        return self._engine.device

    @property
    def degraded(self) -> bool:
        """Whether the spare runs."""
        return self._spare is None

    @property
    def tokens(self) -> int:
        """Word pieces that are run together now."""
        return self._engine.tokens

    def run(self, windows: Windows) -> Outcome:
        """What the heads say; a batch during which the first engine fails is run again on the spare.

        Raises:
            RuntimeError: the spare failed too.
        """
        try:
            return self._engine.run(windows)
        except RuntimeError as error:
            if self._spare is None:
                raise
            self._told(type(error).__name__)
            self._engine, self._spare = self._spare(), None
            return self._engine.run(windows)


def forward(bert: Bert, heads: Heads, windows: Windows) -> Outcome:
    """Encoder and heads, on the device that all of them are on."""
    hidden = bert.layers(bert.begin(windows.ids), windows.mask, 0, bert.config.num_hidden_layers).float()
    safety = heads.safety(hidden, windows.mask, windows.roles)
    return safety, heads.tags(hidden, windows.written).softmax(-1)


def computes_bfloat16() -> bool:
    """Whether this CPU has instructions for bfloat16; without them it is slower than float32."""
    onednn: Any = torch.backends.mkldnn
    probes: Any = torch.cpu
    return bool(onednn.is_available()) and bool(
        probes._is_avx512_bf16_supported() or probes._is_amx_tile_supported()
    )


def in_bfloat16(bert: Bert) -> Bert:
    """The same encoder in bfloat16, its linear layers packed for oneDNN once instead of at every call."""
    weights = {name: value.to(torch.bfloat16) for name, value in bert.weights.items()}
    linears: dict[str, Callable[[Tensor], Tensor]] = {}
    for number in range(bert.config.num_hidden_layers):
        layer = f"encoder.layer.{number}"
        named = {f"{layer}.{QKV}": [f"{layer}.{QKV}.{part}" for part in PROJECTIONS]}
        named |= {name: [name] for name in (f"{layer}.attention.output.dense", f"{layer}.output.dense")}
        linears |= {name: _packed(weights, parts) for name, parts in named.items()}
        linears |= _inner(weights, f"{layer}.{INNER}", bert.config.hidden_act)
    if bert.reach and bert.config.hidden_act in _FUSED and computes_bytes():
        linears |= {name: _of_bytes(bert, name) for name in entrances(bert.config)}
    return replace(bert, weights=weights, linears=linears, attend=_by_products)


def _inner(
    weights: Mapping[str, Tensor], name: str, activation: str
) -> dict[str, Callable[[Tensor], Tensor]]:
    """The first feed-forward layer, with the activation where oneDNN has it."""
    dense = f"{name}.dense"
    if activation not in _FUSED:
        return {dense: _packed(weights, [dense])}
    return {name: _packed(weights, [dense], *_FUSED[activation])}


_FUSED: Final[Mapping[str, tuple[str, str]]] = {
    "gelu": ("gelu", "none"),
    "gelu_new": ("gelu", "tanh"),
    "gelu_pytorch_tanh": ("gelu", "tanh"),
    "relu": ("relu", ""),
}
"""Activations and how, as oneDNN names them."""


def _packed(
    weights: Mapping[str, Tensor], names: Sequence[str], activation: str = "none", how: str = ""
) -> Callable[[Tensor], Tensor]:
    """Linear layers, one beside the other, and an activation behind them."""
    kernels: Any = torch.ops.mkldnn
    beside = torch.cat([weights[f"{name}.weight"] for name in names])
    weight = kernels._reorder_linear_weight(beside, ROWS_AHEAD)
    bias = torch.cat([weights[f"{name}.bias"] for name in names])

    def linear(values: Tensor) -> Tensor:
        result: Tensor = kernels._linear_pointwise(values, weight, bias, activation, [], how)
        return result

    return linear


def _of_bytes(bert: Bert, name: str) -> Callable[[Tensor], Tensor]:
    """What stands at an entrance, in eight bits."""
    activation = _FUSED[bert.config.hidden_act] if name.endswith(INNER) else ("none", "")
    return bytewise(*joined(bert, name), bert.reach[name], activation)


def _by_products(query: Tensor, key: Tensor, value: Tensor, visible: Tensor) -> Tensor:
    """Attention by two products of matrices: on a CPU faster than the fused kernel, whose blocks are for long texts."""
    texts, heads, length, width = query.shape
    flat = [part.reshape(texts * heads, length, width) for part in (query * width**-0.5, key, value)]
    likeness = torch.bmm(flat[0], flat[1].transpose(1, 2))
    if not bool(visible.all()):
        of_texts = likeness.view(texts, heads, length, length)
        of_texts += (visible.to(query.dtype) - 1) * _FAR
    return torch.bmm(likeness.softmax(-1), flat[2]).view(texts, heads, length, width)


_FAR: Final = 1e4
"""What takes a piece that is none out of sight; every text has one that is."""

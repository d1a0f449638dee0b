"""Run encoder and heads on windows, where that is fastest: a GPU, a CPU that computes in bfloat16, any CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import torch
from torch import Tensor

from runtime_guard.encoder.bert import Bert
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
    tokens = 4096

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


_TEXTS_AHEAD: Final = 1024
"""Word pieces that the layout of packed weights is chosen for."""


def in_bfloat16(bert: Bert) -> Bert:
    """The same encoder in bfloat16, its linear layers packed for oneDNN once instead of at every call."""
    weights = {name: value.to(torch.bfloat16) for name, value in bert.weights.items()}
    names = [name.removesuffix(".weight") for name in weights if _is_linear(name)]
    return replace(bert, weights=weights, linears={name: _packed(weights, name) for name in names})


def _is_linear(name: str) -> bool:
    return name.startswith("encoder.layer.") and name.endswith(".weight") and "LayerNorm" not in name


def _packed(weights: Mapping[str, Tensor], name: str) -> Callable[[Tensor], Tensor]:
    kernels: Any = torch.ops.mkldnn
    weight = kernels._reorder_linear_weight(weights[f"{name}.weight"], _TEXTS_AHEAD)
    bias = weights[f"{name}.bias"]

    def linear(values: Tensor) -> Tensor:
        result: Tensor = kernels._linear_pointwise(values, weight, bias, "none", [], "")
        return result

    return linear

"""Weights in eight bits: each row of a matrix as int8 with one scale, a quarter of the size at no measurable loss.

On a CPU with the instructions for it, linear layers also compute with them, inputs quantised per batch (dynamic).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor

SCALE: Final = ".scale"


def pack(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Matrices as int8 and, under the name with ``.scale``, float32 scales; the rest as float32."""
    packed: dict[str, Tensor] = {}
    for name, value in weights.items():
        if value.dim() < 2:
            packed[name] = value.to(torch.float32).contiguous()
            continue
        scale = value.abs().amax(dim=1).clamp(min=1e-8) / 127
        packed[name] = torch.round(value / scale[:, None]).clamp(-127, 127).to(torch.int8).contiguous()
        packed[name + SCALE] = scale.to(torch.float32).contiguous()
    return packed


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights as float32."""
    return {
        name: value.to(torch.float32) * packed[name + SCALE][:, None]
        if name + SCALE in packed
        else value.to(torch.float32)
        for name, value in packed.items()
        if not name.endswith(SCALE)
    }


def quantized_linears(packed: Mapping[str, Tensor]) -> dict[str, Callable[[Tensor], Tensor]]:
    """The encoder layers' linear parts in int8, by name without ``.weight``; none where this CPU has no engine."""
    if not {"x86", "fbgemm", "onednn", "qnnpack"} & set(torch.backends.quantized.supported_engines):
        return {}
    return {
        name.removesuffix(".weight"): _linear(
            value, packed[name + SCALE], packed[f"{name[: -len('weight')]}bias"]
        )
        for name, value in packed.items()
        if name.startswith("encoder.layer.") and name.endswith(".weight") and name + SCALE in packed
    }


def _linear(weight: Tensor, scale: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and the pinned torch has nothing in its place
        quantized = torch._make_per_channel_quantized_tensor(
            weight, scale.to(torch.float64), torch.zeros(len(scale), dtype=torch.int64), 0
        )
    prepared: Any = torch.ops.quantized.linear_prepack(quantized, bias)
    run: Any = torch.ops.quantized.linear_dynamic

    def linear(values: Tensor) -> Tensor:
        result: Tensor = run(values, prepared, reduce_range=True)
        return result

    return linear

"""Weights in eight bits, as they ship: each row of a matrix as int8 with one scale, a quarter of the size.

What is computed in eight bits is another matter: :mod:`runtime_guard.encoder.bytewise`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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

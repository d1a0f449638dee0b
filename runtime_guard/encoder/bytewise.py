"""Linear layers in eight bits, for CPUs that multiply bytes faster than anything else.

What enters is divided per channel by how far it was seen to go, so that a channel that goes far does not coarsen the
others; part of that is moved into the weights (SmoothQuant, Xiao et al. 2023). The steps are fixed: what comes out for
one text does not depend on those beside it. What goes farther than was seen is cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

MOST: Final = 127
"""Steps on either side of 0."""

MIDDLE: Final = 128
"""The byte that stands for 0."""

MOVED: Final = 0.75
"""How much of the difference between channels is taken from what enters; the rest stays in the weights."""

ROWS_AHEAD: Final = 1024
"""Rows that the layout of packed weights is chosen for."""

_LEAST: Final = 1e-4


def computes_bytes() -> bool:
    """Whether this CPU has instructions that multiply bytes and add the products (VNNI)."""
    probes: Any = torch.cpu
    return bool(probes._is_vnni_supported())


def bytewise(
    weight: Tensor, bias: Tensor, reach: Tensor, activation: tuple[str, str]
) -> Callable[[Tensor], Tensor]:
    """A linear layer and an activation behind it; takes and gives bfloat16.

    Args:
        weight: float32, (outputs, inputs).
        bias: float32, (outputs,).
        reach: how far from 0 each input was seen to go, (inputs,).
        activation: its name and kind, as oneDNN has them.
    """
    kernels: Any = torch.ops.onednn
    far = reach.clamp_min(_LEAST)
    smooth = far**MOVED / weight.abs().amax(0).clamp_min(_LEAST) ** (1 - MOVED)
    step = smooth * float((far / smooth).amax()) / MOST
    stretched = weight * step
    scale = stretched.abs().amax(1).clamp_min(1e-12) / MOST
    packed = kernels.qlinear_prepack(
        torch.round(stretched / scale[:, None]).to(torch.int8), [ROWS_AHEAD, len(reach)]
    )
    per_step, zeros = 1 / step, torch.zeros(len(bias), dtype=torch.int64)

    def linear(values: Tensor) -> Tensor:
        steps = (values * per_step).add_(MIDDLE + 0.5).clamp_(MIDDLE - MOST, MIDDLE + MOST).to(torch.uint8)
        result: Tensor = kernels.qlinear_pointwise(
            steps,
            1.0,
            MIDDLE,
            packed,
            scale,
            zeros,
            bias,
            1.0,
            0,
            torch.bfloat16,
            activation[0],
            [],
            activation[1],
        )
        return result

    return linear

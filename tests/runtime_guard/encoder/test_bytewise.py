"""Linear layers in eight bits: near what they are in floating point, and of each row by itself."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from runtime_guard.encoder.bytewise import bytewise, computes_bytes

needs_bytes = pytest.mark.skipif(not computes_bytes(), reason="needs a CPU with VNNI")
INPUTS, OUTPUTS = 32, 48


def layer(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, biases and how far inputs go; some channels go thirty times as far as others."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(OUTPUTS, INPUTS, generator=generator) * 0.1
    bias = torch.randn(OUTPUTS, generator=generator)
    return weight, bias, 1 + 30 * (torch.rand(INPUTS, generator=generator) > 0.9)


def entering(reach: Tensor, rows: int, seed: int) -> Tensor:
    """Rows within reach, (1, rows, inputs), bfloat16."""
    generator = torch.Generator().manual_seed(seed)
    return ((torch.rand(1, rows, INPUTS, generator=generator) * 2 - 1) * reach).to(torch.bfloat16)


@needs_bytes
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(1, 40), st.sampled_from(["none", "relu", "gelu"]))
def test_a_layer_in_bytes_is_near_the_layer_it_stands_for(seed: int, rows: int, activation: str) -> None:
    weight, bias, reach = layer(seed)
    values = entering(reach, rows, seed + 1)
    linear = bytewise(weight, bias, reach, (activation, "none" if activation == "gelu" else ""))
    exact = F.linear(values.float(), weight, bias)
    meant = {"none": exact, "relu": F.relu(exact), "gelu": F.gelu(exact)}[activation]
    found = linear(values)
    assert found.dtype == torch.bfloat16
    assert found.shape == (1, rows, OUTPUTS)
    assert (found.float() - meant).abs().mean() < 0.02 * exact.abs().mean() + 0.005


@needs_bytes
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(1, 20), st.integers(1, 20), st.sampled_from([1.0, 1e4]))
def test_a_row_comes_out_the_same_whatever_stands_beside_it(
    seed: int, rows: int, others: int, louder: float
) -> None:
    weight, bias, reach = layer(seed)
    linear = bytewise(weight, bias, reach, ("none", ""))
    values, beside = entering(reach, rows, seed + 1), entering(reach, others, seed + 2) * louder
    together = linear(torch.cat([values, beside], dim=1))
    assert torch.equal(together[:, :rows], linear(values))


@needs_bytes
def test_what_goes_farther_than_was_seen_is_cut_off() -> None:
    weight, bias, reach = layer(1)
    linear = bytewise(weight, bias, reach, ("none", ""))
    far = reach.reshape(1, 1, INPUTS).to(torch.bfloat16)
    beyond = linear(far * 1e6)
    assert bool(beyond.isfinite().all())
    assert torch.equal(beyond, linear(far * 1e3))
    assert torch.equal(linear(-far * 1e6), linear(-far * 1e3))


@needs_bytes
def test_a_channel_that_never_moves_and_a_weight_of_zeros_are_no_trouble() -> None:
    weight, bias, reach = layer(2)
    weight[3], reach[5] = 0, 0
    found = bytewise(weight, bias, reach, ("none", ""))(torch.zeros(1, 4, INPUTS, dtype=torch.bfloat16))
    assert torch.allclose(found.float(), bias.to(torch.bfloat16).float().expand(1, 4, OUTPUTS), atol=0.05)

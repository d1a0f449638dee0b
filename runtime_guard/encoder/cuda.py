"""Run the encoder on a GPU: bfloat16, one CUDA graph per bucket of batch and length, pinned buffers on the host.

A batch of short windows is hundreds of small kernels; launched one by one they take longer than they run. A graph is
captured once per shape and replayed, so batches are padded to few shapes.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import Final

import torch

from runtime_guard.encoder.bert import Bert
from runtime_guard.encoder.engine import Outcome, Windows, forward
from runtime_guard.encoder.heads import Heads
from runtime_guard.encoder.pieces import LENGTH
from runtime_guard.encoder.shapes import SHAPES

COUNTS: Final = (1, 4, 16, 64, 128, 256, 512)
LENGTHS: Final = (16, 32, 64, 96, LENGTH)
_WARM: Final = 3
"""Runs before a capture, in which libraries choose their kernels."""


def bucket(count: int, length: int) -> tuple[int, int]:
    """The smallest shape that holds so many windows of that length.

    Raises:
        ValueError: none does.
    """
    if count > COUNTS[-1] or length > LENGTHS[-1]:
        raise ValueError(f"{count} windows of {length} pieces")
    return COUNTS[bisect_left(COUNTS, count)], LENGTHS[bisect_left(LENGTHS, length)]


class CudaEngine:
    """Runs on the current CUDA device.

    Args:
        bert: on the CPU, float32.
        heads: on the CPU, float32.
    """

    device = "cuda"
    tokens = COUNTS[-1] * LENGTH

    def __init__(self, bert: Bert, heads: Heads) -> None:
        weights = {
            name: value.to("cuda", torch.bfloat16, non_blocking=True) for name, value in bert.weights.items()
        }
        self._bert = replace(bert, weights=weights, linears={})
        self._heads = Heads(
            {name: value.to("cuda", non_blocking=True) for name, value in heads.weights.items()}
        )
        self._graphs: dict[tuple[int, int], _Graph] = {}

    def run(self, windows: Windows) -> Outcome:
        """What the heads say.

        Raises:
            RuntimeError: the device failed, or is out of memory.
        """
        shape = bucket(*windows.ids.shape)
        with torch.inference_mode():
            graph = self._graphs.get(shape)
            if graph is None:
                graph = self._graphs[shape] = _Graph(self._bert, self._heads, shape)
            return graph.run(windows)


class _Graph:
    """One captured shape with its buffers."""

    def __init__(self, bert: Bert, heads: Heads, shape: tuple[int, int]) -> None:
        self._host = _empty(shape, "cpu")
        self._there = _empty(shape, "cuda")
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM):
                forward(bert, heads, self._there)
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._outcome = forward(bert, heads, self._there)

    def run(self, windows: Windows) -> Outcome:
        count, length = windows.ids.shape
        for name, host in vars(self._host).items():
            host.zero_()
            given = getattr(windows, name)
            host[tuple(slice(size) for size in given.shape)] = given
            getattr(self._there, name).copy_(host, non_blocking=True)
        self._there.mask[count:, 0] = 1  # a window of padding alone has no mean
        self._graph.replay()
        safety, tags = self._outcome
        return safety[:count].cpu(), tags[:count, :length].cpu()


def _empty(shape: tuple[int, int], device: str) -> Windows:
    count, length = shape
    pinned = device == "cpu"
    return Windows(
        torch.zeros(count, length, dtype=torch.int64, device=device, pin_memory=pinned),
        torch.ones(count, length, dtype=torch.int64, device=device, pin_memory=pinned),
        torch.zeros(count, length, SHAPES, device=device, pin_memory=pinned),
        torch.zeros(count, dtype=torch.int64, device=device, pin_memory=pinned),
    )

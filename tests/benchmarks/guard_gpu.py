"""``python -m tests.benchmarks.guard_gpu``: the encoder on a GPU: alone, with everything around it, and under load.

The load is offered at a fixed rate, whether answers come or not, by several processes that share the GPU.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import torch

from govkernel.errors import GovkernelError
from runtime_guard.detectors.cascade import Cascade
from runtime_guard.encoder.cuda import COUNTS, CudaEngine
from runtime_guard.encoder.engine import Windows
from runtime_guard.encoder.guard import GuardEncoder
from runtime_guard.encoder.pieces import LENGTH
from runtime_guard.encoder.shapes import SHAPES
from runtime_guard.gate.model import Gate
from runtime_guard.readers.batcher import Batcher
from tests.benchmarks.compare import interleaved, show
from tests.benchmarks.plain import plain_model
from tests.benchmarks.texts import clean

ROOFLINE = 989e12
"""Dense bfloat16 operations per second of a Hopper SXM part, as its maker states them."""

LOADS = (100, 1_000, 10_000)
SECONDS = 4.0
CHARACTERS = 560
"""Of a text of about 128 word pieces."""


@dataclass(frozen=True)
class Served:
    """What one process saw: seconds per answered message, and how many were refused."""

    seconds: Sequence[float]
    refused: int


def main() -> None:
    """Print every table."""
    if not torch.cuda.is_available():
        sys.exit("There is no CUDA device.")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {os.cpu_count()} cores")
    alone()
    around()
    processes = max(1, min(8, (os.cpu_count() or 2) // 2))
    for rate in LOADS:
        load(rate, processes if rate > 1_000 else 1)


def alone() -> None:
    """The engine by size of batch, and what share of the GPU's arithmetic that is."""
    engine = GuardEncoder.load(CudaEngine).engine
    for count in COUNTS:
        windows = _windows(count)
        engine.run(windows)
        rounds = max(20, 4096 // count)
        start = time.perf_counter()
        for _ in range(rounds):
            engine.run(windows)
        rate = rounds * count / (time.perf_counter() - start)
        share = rate * _operations() / ROOFLINE
        print(
            f"engine, {LENGTH} word pieces, batch of {count:>3}: {rate:>9,.0f} messages/s, {share:.1%} of the roofline"
        )


def around() -> None:
    """Text in, labels and spans out, beside plain transformers on the same GPU, which gets word pieces."""
    guard, plain = GuardEncoder.load(CudaEngine), plain_model().to("cuda")
    for batch in (1, 32, 512):
        texts = [clean(CHARACTERS, seed) for seed in range(batch)]
        ids = torch.randint(1000, 20_000, (batch, LENGTH), device="cuda")
        sides = {
            "govkernel: tokenised, encoded, decoded": partial(_encoded, guard, texts),
            "transformers, float32, eager: forward only": partial(_forward, plain, ids),
        }
        show(f"on the GPU, batch of {batch}", interleaved(sides, 5), "messages/s")


def load(rate: int, processes: int) -> None:
    """Messages at a fixed rate; how long each took from when it was due."""
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        begin = time.time() + 25
        jobs = [pool.submit(serve, rate / processes, begin) for _ in range(processes)]
        parts = [job.result() for job in jobs]
    seconds = sorted(second for part in parts for second in part.seconds)
    refused = sum(part.refused for part in parts)
    median, late = statistics.median(seconds), seconds[int(0.99 * (len(seconds) - 1))]
    print(
        f"{rate:>6,} messages/s offered to {processes} process(es): median {median * 1e3:.2f} ms,"
        f" p99 {late * 1e3:.2f} ms, {len(seconds) / SECONDS:,.0f} answered per second, {refused} refused"
    )


def serve(rate: float, begin: float) -> Served:
    """One process: its own engine, messages at a fixed rate from a moment on."""
    guard = GuardEncoder.load(CudaEngine)
    for count in COUNTS:
        guard.engine.run(_windows(count))
    texts = [clean(CHARACTERS, seed) for seed in range(2000)]
    return asyncio.run(_offer(Batcher(Cascade(Gate.load(), guard), max_batch=256), texts, rate, begin))


async def _offer(batcher: Batcher, texts: Sequence[str], rate: float, begin: float) -> Served:
    seconds: list[float] = []
    refused = 0

    async def one(number: int, due: float) -> None:
        nonlocal refused
        try:
            await batcher.read(texts[number % len(texts)], "user")
            seconds.append(time.perf_counter() - due)
        except GovkernelError:
            refused += 1

    await one(0, time.perf_counter())
    seconds.clear()
    await asyncio.sleep(max(0.0, begin - time.time()))
    start = time.perf_counter()
    running: list[asyncio.Task[None]] = []
    while len(running) < rate * SECONDS:
        due = start + len(running) / rate
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        running.append(asyncio.create_task(one(len(running), due)))
    await asyncio.gather(*running)
    return Served(seconds, refused)


def _windows(count: int) -> Windows:
    return Windows(
        torch.randint(1000, 20_000, (count, LENGTH)),
        torch.ones(count, LENGTH, dtype=torch.int64),
        torch.zeros(count, LENGTH, SHAPES),
        torch.zeros(count, dtype=torch.int64),
    )


def _operations(width: int = 384, inner: int = 1536, layers: int = 6) -> float:
    """Of one window: linear layers, and attention."""
    return layers * (2 * LENGTH * (4 * width**2 + 2 * width * inner) + 4 * LENGTH**2 * width)


def _encoded(guard: GuardEncoder, texts: Sequence[str]) -> int:
    guard.encode(texts, ["user"] * len(texts))
    return len(texts)


def _forward(model: torch.nn.Module, ids: torch.Tensor) -> int:
    with torch.inference_mode():
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    torch.cuda.synchronize()
    return len(ids)


if __name__ == "__main__":
    main()

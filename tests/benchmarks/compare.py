"""Run two things in turn and say how they compare."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 7


@dataclass(frozen=True)
class Measured:
    """Operations per second of one side: best and median of the rounds."""

    name: str
    median: float
    best: float


def interleaved(sides: dict[str, Callable[[], int]]) -> list[Measured]:
    """Run each side once per round, in turn, so that a noisy moment hits all of them.

    Args:
        sides: per name, a function that does a batch of work and returns how many operations it did.
    """
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for work in sides.values():
        work()
    for _ in range(ROUNDS):
        for name, work in sides.items():
            start = time.perf_counter()
            done = work()
            rates[name].append(done / (time.perf_counter() - start))
    return [Measured(name, statistics.median(found), max(found)) for name, found in rates.items()]


def show(title: str, measured: list[Measured], unit: str) -> None:
    """Print a table with the ratio of each side to the last, the peer."""
    peer = measured[-1].median
    print(f"\n{title}")
    for item in measured:
        print(f"  {item.name:<44} {item.median:>10,.0f} {unit}   {item.median / peer:>6.2f}x")

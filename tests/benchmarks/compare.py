"""Run things in turn and say how they compare."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ROUNDS = 7
MILLISECONDS = "ms"


@dataclass(frozen=True)
class Measured:
    """Operations per second of one side: best and median of the rounds."""

    name: str
    median: float
    best: float


def interleaved(sides: dict[str, Callable[[], int]], rounds: int = ROUNDS) -> list[Measured]:
    """Run each side once per round, in turn, so that a noisy moment hits all of them.

    Args:
        sides: per name, a function that does a batch of work and returns how many operations it did.
        rounds: how often.
    """
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for work in sides.values():
        work()
    for _ in range(rounds):
        for name, work in sides.items():
            start = time.perf_counter()
            done = work()
            rates[name].append(done / (time.perf_counter() - start))
    return [Measured(name, statistics.median(found), max(found)) for name, found in rates.items()]


def show(title: str, measured: Sequence[Measured], unit: str) -> None:
    """Print a table with the ratio of each side to the last, the peer; the unit ``ms`` is time per operation."""
    peer = measured[-1].median
    print(f"\n{title}")
    for item in measured:
        print(f"  {item.name:<52} {amount(item, unit):>10} {unit}   {item.median / peer:>6.2f}x")


def amount(item: Measured, unit: str) -> str:
    """The median for people, in operations per second, or in milliseconds per operation."""
    return f"{1000 / item.median:,.3f}" if unit == MILLISECONDS else f"{item.median:,.0f}"


def markdown(title: str, measured: Sequence[Measured], unit: str) -> str:
    """The same table for the documentation."""
    peer = measured[-1].median
    rows = [f"| {title} | {unit} | ratio |", "|---|---|---|"]
    rows += [f"| {item.name} | {amount(item, unit)} | {item.median / peer:.2f} |" for item in measured]
    return "\n".join(rows) + "\n"

"""What one target of the fuzzer is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        run: feeds it.
        seeds: honest inputs.
    """

    run: Callable[[bytes], object]
    seeds: Sequence[bytes]

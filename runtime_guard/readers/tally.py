"""Counts how models came to their answers, for metrics: at once, closely, from memory, not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Literal

Outcome = Literal["settled", "read", "shed", "refused", "failed"]
"""A glance settled it; it was read closely; a glance counted because there was too much to read; it was refused for
that reason; the model failed.
"""

Source = Literal["cache", "models"]
"""Where the answer about a message came from."""


class Tally:
    """Counters of one set of models; safe to use from several threads. Names of models are ours, never a text."""

    def __init__(self) -> None:
        self._readings: Counter[tuple[str, Outcome]] = Counter()
        self._messages: Counter[Source] = Counter()
        self._lock = Lock()

    def reading(self, model: str, outcome: Outcome, number: int = 1) -> None:
        """Count what became of so many texts that a model was asked about."""
        with self._lock:
            self._readings[model, outcome] += number

    def message(self, source: Source, number: int = 1) -> None:
        """Count so many messages that models were asked about."""
        with self._lock:
            self._messages[source] += number

    def lines(self, degraded: Mapping[str, bool]) -> Iterator[str]:
        """All counters, in the Prometheus text format (version 0.0.4).

        Args:
            degraded: by model that may have, whether it has left its GPU.
        """
        yield "# HELP govkernel_guard_messages_total Messages that models were asked about, by source of the answer."
        yield "# TYPE govkernel_guard_messages_total counter"
        for source, count in sorted(self._messages.items()):
            yield f'govkernel_guard_messages_total{{source="{source}"}} {count}'
        yield "# HELP govkernel_guard_readings_total Texts and views of texts by model and outcome."
        yield "# TYPE govkernel_guard_readings_total counter"
        for (model, outcome), count in sorted(self._readings.items()):
            yield f'govkernel_guard_readings_total{{model="{model}",outcome="{outcome}"}} {count}'
        yield "# HELP govkernel_guard_degraded Whether a model runs on the CPU because its GPU failed."
        yield "# TYPE govkernel_guard_degraded gauge"
        for model, has in sorted(degraded.items()):
            yield f'govkernel_guard_degraded{{model="{model}"}} {int(has)}'

"""Counts what this door answered, in the Prometheus text format (version 0.0.4)."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from govkernel.plugins import PluginHost

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency histogram, in seconds."""
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._/-]")


class Metrics:
    """Counters of one process."""

    def __init__(self) -> None:
        self._reviews: Counter[tuple[str, str]] = Counter()
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def count(self, effect: str, cause: str, seconds: float) -> None:
        """Count one answer.

        Args:
            effect: ``allow`` or ``deny``.
            cause: ``policy``, ``unasked``, or the code of the error that it was.
            seconds: how long it took.
        """
        self._reviews[effect, cause] += 1
        self._buckets[bisect.bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def render(self, host: PluginHost) -> str:
        """All counters as text, those of the plugins included."""
        return "\n".join((*self._lines(), *_plugin_lines(host), ""))

    def _lines(self) -> Iterator[str]:
        yield "# HELP govkernel_admission_reviews_total AdmissionReviews answered."
        yield "# TYPE govkernel_admission_reviews_total counter"
        for (effect, cause), number in sorted(self._reviews.items()):
            yield f'govkernel_admission_reviews_total{{effect="{effect}",cause="{_safe(cause)}"}} {number}'
        yield "# HELP govkernel_admission_seconds Time to answer an AdmissionReview."
        yield "# TYPE govkernel_admission_seconds histogram"
        total = 0
        for bound, number in zip((*map(str, BUCKETS), "+Inf"), self._buckets, strict=True):
            total += number
            yield f'govkernel_admission_seconds_bucket{{le="{bound}"}} {total}'
        yield f"govkernel_admission_seconds_sum {self._seconds:.6f}"
        yield f"govkernel_admission_seconds_count {total}"


def _plugin_lines(host: PluginHost) -> Iterator[str]:
    yield "# HELP govkernel_plugin_faults_total Faults of plugins."
    yield "# TYPE govkernel_plugin_faults_total counter"
    for status in host.status():
        for code, number in sorted(status.faults.items()):
            labels = f'plugin="{_safe(status.name)}",code="{_safe(code)}"'
            yield f"govkernel_plugin_faults_total{{{labels}}} {number}"


def _safe(label: str) -> str:
    return _UNSAFE.sub("_", label)[:120]

"""Counters, in the Prometheus text format (version 0.0.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class Metrics:
    """Counts what the proxy did, by outcome."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str]] = Counter()

    def count(self, route: str, outcome: str) -> None:
        """Count one request; outcomes are ours, never a client's text."""
        self._requests[route, outcome] += 1

    def render(self, screen: Iterable[str] = ()) -> bytes:
        """The exposition text, with the lines of what the screen counts."""
        lines = [
            "# HELP govkernel_guard_requests_total Requests by route and outcome.",
            "# TYPE govkernel_guard_requests_total counter",
            *(
                f'govkernel_guard_requests_total{{route="{route}",outcome="{outcome}"}} {count}'
                for (route, outcome), count in sorted(self._requests.items())
            ),
            *screen,
        ]
        return ("\n".join(lines) + "\n").encode()

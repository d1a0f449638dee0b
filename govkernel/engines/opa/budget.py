"""What keeps a dead OPA from multiplying latency: a retry budget, a circuit breaker, and a pause between restarts.

All three count; none of them ever answers for OPA. Clocks are passed in, in seconds that never go back.
"""

from __future__ import annotations

from collections.abc import Callable

Clock = Callable[[], float]


class RetryBudget:
    """Retries are paid for by calls: one retry for every ten calls, ten saved up at most.

    Args:
        capacity: most retries saved up.
        earned: what one call earns.
    """

    def __init__(self, capacity: float = 10.0, earned: float = 0.1) -> None:
        self._capacity = capacity
        self._earned = earned
        self._tokens = capacity

    def called(self) -> None:
        """A call was made."""
        self._tokens = min(self._capacity, self._tokens + self._earned)

    def spend(self) -> bool:
        """Whether a retry may be made; if so it is paid for."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Breaker:
    """After several failures in a row, calls fail at once, except one probe per pause.

    Args:
        clock: the time.
        threshold: failures in a row.
        pause: seconds between probes.
    """

    def __init__(self, clock: Clock, *, threshold: int = 5, pause: float = 1.0) -> None:
        self._clock = clock
        self._threshold = threshold
        self._pause = pause
        self._failures = 0
        self._closed_until = 0.0

    @property
    def healthy(self) -> bool:
        """Whether calls pass freely."""
        return self._failures < self._threshold

    def admits(self) -> bool:
        """Whether a call may be made now."""
        if self.healthy:
            return True
        if self._clock() < self._closed_until:
            return False
        self._closed_until = self._clock() + self._pause
        return True

    def succeeded(self) -> None:
        """A call came back."""
        self._failures = 0

    def failed(self) -> None:
        """A call did not come back."""
        self._failures += 1
        if self._failures == self._threshold:
            self._closed_until = self._clock() + self._pause


class Backoff:
    """Doubling pauses between starts that follow each other closely.

    Args:
        clock: the time.
        first: seconds after the first start.
        longest: seconds, at most.
    """

    def __init__(self, clock: Clock, *, first: float = 0.1, longest: float = 30.0) -> None:
        self._clock = clock
        self._first = first
        self._longest = longest
        self._pause = 0.0
        self._last = float("-inf")

    def wait(self) -> float:
        """Seconds until the next start is allowed; 0 when it is."""
        return max(0.0, self._last + self._pause - self._clock())

    def started(self) -> None:
        """A start was made."""
        now = self._clock()
        lasted = now - self._last > self._longest * 2
        self._pause = self._first if lasted else min(self._longest, max(self._first, self._pause * 2))
        self._last = now

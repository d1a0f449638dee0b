"""The counters that keep a dead OPA from costing more than it must."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from govkernel.engines.opa.budget import Backoff, Breaker, RetryBudget


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.booleans(), max_size=300))
def test_retries_stay_within_ten_and_a_tenth_of_the_calls(steps: list[bool]) -> None:
    budget = RetryBudget()
    calls = retries = 0
    for call in steps:
        if call:
            budget.called()
            calls += 1
        else:
            retries += budget.spend()
    assert retries <= 10 + calls / 10


def test_the_breaker_opens_and_lets_one_probe_pass_at_a_time() -> None:
    clock = Clock()
    breaker = Breaker(clock, threshold=2, pause=1.0)
    breaker.failed()
    assert breaker.healthy
    breaker.failed()
    assert not breaker.healthy
    assert not breaker.admits()
    clock.now += 1.0
    assert breaker.admits()
    assert not breaker.admits()
    breaker.succeeded()
    assert breaker.healthy
    assert breaker.admits()


def test_pauses_double_up_to_the_longest_and_start_again_after_a_long_life() -> None:
    clock = Clock()
    backoff = Backoff(clock, first=1.0, longest=4.0)
    waits = []
    for _ in range(4):
        backoff.started()
        waits.append(backoff.wait())
        clock.now += backoff.wait()
    assert waits == [1.0, 2.0, 4.0, 4.0]
    clock.now += 100.0
    backoff.started()
    assert backoff.wait() == 1.0

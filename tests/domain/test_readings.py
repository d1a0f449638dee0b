"""Long reads: one at a time for a name, going on alone, never stale, never too many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from govkernel.domain import readings
from govkernel.domain.readings import MAX_READS, MAX_REMEMBERED, Readings, Remembered, together
from govkernel.errors import GovkernelError

LONG = 30.0
"""Seconds that no test waits for: whoever waits so long is woken."""


class Work:
    """Blocks until it is told to end, and counts how often it ran."""

    def __init__(self) -> None:
        self.begun = 0
        self.running = Event()
        self.end = Event()
        self.ended = Event()

    def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        self.running.set()
        assert self.end.wait(LONG)
        self.ended.set()
        return number


def refused(reads: Readings, work: Callable[[], Any], name: str = "a") -> str:
    with pytest.raises(GovkernelError) as caught:
        asyncio.run(reads.read(name, work))
    assert caught.value.remedy
    return caught.value.code


def test_it_returns_what_the_work_returns() -> None:
    assert asyncio.run(Readings(wait=LONG).read("a", lambda: 7)) == 7


@pytest.mark.parametrize("error", [GovkernelError("a.b", "x"), OSError("x")])
def test_it_raises_what_the_work_raises_and_can_be_asked_again(error: Exception) -> None:
    def fail() -> int:
        raise error

    reads = Readings(wait=LONG)
    with pytest.raises(type(error)):
        asyncio.run(reads.read("a", fail))
    assert asyncio.run(reads.read("a", lambda: 7)) == 7


def test_work_that_tries_to_end_the_process_is_an_error() -> None:
    def leave() -> int:
        raise SystemExit(0)

    with pytest.raises(RuntimeError, match="SystemExit"):
        asyncio.run(Readings(wait=LONG).read("a", leave))


def test_who_cannot_wait_is_told_and_the_read_goes_on() -> None:
    reads, work = Readings(wait=0), Work()
    assert refused(reads, work) == "resolve.reading"
    assert work.running.wait(LONG)
    assert refused(reads, work) == "resolve.reading"
    assert work.begun == 1
    work.end.set()


def test_a_cancelled_caller_does_not_end_the_read() -> None:
    reads, work = Readings(wait=LONG), Work()

    async def leave() -> None:
        caller = asyncio.create_task(reads.read("a", work))
        await asyncio.to_thread(work.running.wait, LONG)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        assert caller.cancelled()

    asyncio.run(leave())
    work.end.set()
    assert work.ended.wait(LONG)


def test_who_joins_gets_what_was_read_after_they_asked() -> None:
    reads, work = Readings(wait=LONG), Work()

    async def join() -> list[int]:
        first = asyncio.create_task(reads.read("a", work))
        await asyncio.to_thread(work.running.wait, LONG)
        second = asyncio.create_task(reads.read("a", work))
        await asyncio.sleep(0)
        work.end.set()
        return await asyncio.gather(first, second)

    assert asyncio.run(join()) == [1, 2]


def test_an_error_of_a_read_that_was_under_way_is_not_the_answer() -> None:
    reads, work = Readings(wait=LONG), Work()

    def fail_once() -> int:
        number = work()
        if number == 1:
            raise OSError
        return number

    async def join() -> list[Any]:
        first = asyncio.create_task(reads.read("a", fail_once))
        await asyncio.to_thread(work.running.wait, LONG)
        second = asyncio.create_task(reads.read("a", fail_once))
        await asyncio.sleep(0)
        work.end.set()
        return await asyncio.gather(first, second, return_exceptions=True)

    first, second = asyncio.run(join())
    assert isinstance(first, OSError)
    assert second == 2


def test_different_names_are_read_at_the_same_time() -> None:
    reads, slow = Readings(wait=LONG), Work()

    async def both() -> list[int]:
        first = asyncio.create_task(reads.read("a", slow))
        await asyncio.to_thread(slow.running.wait, LONG)
        second = await reads.read("b", lambda: 7)
        slow.end.set()
        return [await first, second]

    assert asyncio.run(both()) == [1, 7]


def test_too_many_reads_are_refused() -> None:
    reads, work = Readings(wait=0), Work()
    for number in range(MAX_READS):
        assert refused(reads, work, f"n{number}") == "resolve.reading"
    assert refused(reads, work, "one more") == "resolve.busy"
    assert refused(reads, work, "n0") == "resolve.reading"
    work.end.set()


def test_the_first_failure_ends_what_belongs_together() -> None:
    ended: list[str] = []

    async def fail() -> None:
        raise GovkernelError("a.b", "x")

    async def last() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("last")

    with pytest.raises(GovkernelError):
        asyncio.run(together([last(), fail()]))
    assert ended == ["last"]


def test_answers_are_remembered_until_their_time() -> None:
    now = 0.0
    kept: Remembered[int] = Remembered(lambda: now)
    assert kept.get("a") is None
    assert kept.put("a", 1, seconds=10) == 1
    kept.put("b", 2)
    now = 9.9
    assert (kept.get("a"), kept.get("b")) == (1, 2)
    now = 10.0
    assert (kept.get("a"), kept.get("b")) == (None, 2)


def test_only_so_many_answers_are_remembered() -> None:
    kept: Remembered[int] = Remembered()
    for number in range(MAX_REMEMBERED + 1):
        kept.put(number, number)
    assert (kept.get(0), kept.get(1), kept.get(MAX_REMEMBERED)) == (None, 1, MAX_REMEMBERED)


def test_a_caller_waits_less_than_a_plugin_may_take() -> None:
    from govkernel.plugins import DEFAULT_DEADLINE

    assert readings.WAIT < DEFAULT_DEADLINE

"""Many callers, one model: together, in turn, within bounds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from govkernel.errors import GovkernelError
from runtime_guard.readers.batcher import Batcher
from runtime_guard.readers.interface import Reading


class Slow:
    """A reader that reads when it is let, and notes what it was given."""

    name = "slow"
    labels = frozenset({"x"})

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.begun = threading.Event()
        self.let = threading.Event()

    def glance(self, text: str, role: str) -> Reading:
        return Reading(settled=False)

    def detect(self, text: str, role: str) -> list[object]:
        return []

    def read(self, texts: Sequence[str], roles: Sequence[str]) -> list[Reading]:
        self.batches.append(list(texts))
        self.begun.set()
        assert self.let.wait(30)
        if "poison" in texts:
            raise RuntimeError("secret text")
        return [Reading({"x": float(len(text))}) for text in texts]


async def begun(slow: Slow) -> None:
    """Wait until the reader holds its first batch."""
    assert await asyncio.to_thread(slow.begun.wait, 30)


def test_what_arrives_while_the_model_reads_is_the_next_batch_in_turn_by_tenant() -> None:
    slow = Slow()

    async def scene() -> list[Reading]:
        batcher = Batcher(slow, max_batch=3)
        first = asyncio.ensure_future(batcher.read("first", "user", "a"))
        await begun(slow)
        rest = [asyncio.ensure_future(batcher.read(f"a{number}", "user", "a")) for number in range(4)]
        rest += [asyncio.ensure_future(batcher.read(text, "user", text)) for text in ("b", "c")]
        await asyncio.sleep(0)
        slow.let.set()
        return await asyncio.gather(first, *rest)

    readings = asyncio.run(scene())
    assert [reading.scores["x"] for reading in readings] == [5, 2, 2, 2, 2, 1, 1]
    assert slow.batches == [["first"], ["a0", "b", "c"], ["a1", "a2", "a3"]]


def test_one_more_than_may_wait_is_refused_and_the_others_are_read() -> None:
    slow = Slow()

    async def scene() -> list[Reading | BaseException]:
        batcher = Batcher(slow, max_waiting=2)
        first = asyncio.ensure_future(batcher.read("first", "user"))
        await begun(slow)
        rest = [asyncio.ensure_future(batcher.read(text, "user")) for text in ("1", "2", "3")]
        await asyncio.sleep(0)
        slow.let.set()
        return await asyncio.gather(first, *rest, return_exceptions=True)

    *read, refused = asyncio.run(scene())
    assert all(isinstance(item, Reading) for item in read)
    assert isinstance(refused, GovkernelError)
    assert refused.code == "guard.overloaded"


def test_a_text_that_waited_too_long_is_not_read() -> None:
    slow = Slow()

    async def scene() -> list[Reading | BaseException]:
        batcher = Batcher(slow, deadline=0.0)
        first = asyncio.ensure_future(batcher.read("first", "user"))
        await asyncio.sleep(0)
        slow.let.set()
        return await asyncio.gather(first, return_exceptions=True)

    (late,) = asyncio.run(scene())
    assert isinstance(late, GovkernelError)
    assert late.code == "guard.overloaded"
    assert slow.batches == []


def test_a_caller_who_left_is_not_read_for() -> None:
    slow = Slow()

    async def scene() -> None:
        batcher = Batcher(slow)
        first = asyncio.ensure_future(batcher.read("first", "user"))
        await begun(slow)
        gone, stays = (asyncio.ensure_future(batcher.read(text, "user")) for text in ("gone", "stays"))
        await asyncio.sleep(0)
        gone.cancel()
        slow.let.set()
        await asyncio.gather(first, stays)

    asyncio.run(scene())
    assert slow.batches == [["first"], ["stays"]]


def test_a_model_that_fails_fails_its_batch_without_telling_the_text_and_goes_on() -> None:
    slow = Slow()
    slow.let.set()

    async def scene() -> tuple[BaseException, Reading]:
        batcher = Batcher(slow)
        (failed,) = await asyncio.gather(batcher.read("poison", "user"), return_exceptions=True)
        assert isinstance(failed, BaseException)
        return failed, await batcher.read("fine", "user")

    failed, fine = asyncio.run(scene())
    assert isinstance(failed, GovkernelError)
    assert failed.code == "guard.detector-failed"
    assert "secret" not in f"{failed} {failed.why}"
    assert fine.scores == {"x": 4.0}


def test_another_loop_is_another_beginning() -> None:
    slow = Slow()
    slow.let.set()
    batcher = Batcher(slow)
    for _ in range(2):
        assert asyncio.run(batcher.read("text", "user")).scores == {"x": 4.0}


@pytest.mark.parametrize("size", [1, 300_000])
def test_a_batch_is_bounded_in_characters_but_a_long_text_is_read(size: int) -> None:
    slow = Slow()

    async def scene() -> None:
        batcher = Batcher(slow)
        first = asyncio.ensure_future(batcher.read("first", "user"))
        await begun(slow)
        rest = [asyncio.ensure_future(batcher.read("x" * size, "user", str(number))) for number in range(2)]
        await asyncio.sleep(0)
        slow.let.set()
        await asyncio.gather(first, *rest)

    asyncio.run(scene())
    assert [len(batch) for batch in slow.batches] == ([1, 2] if size == 1 else [1, 1, 1])

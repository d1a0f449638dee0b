"""Reads that take longer than a caller may wait: one at a time for each name, going on alone, remembered when done.

A call of a plugin has seconds, a model may have terabytes. So a resolver's read runs in a thread of its own; whoever
asks meanwhile joins it, and whoever cannot wait any longer is told to ask again. No I/O here: what runs is given.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from govkernel.errors import GovkernelError

T = TypeVar("T")

MAX_READS: Final = 32
"""Reads of one plugin under way."""

MAX_REMEMBERED: Final = 1000
"""Answers that one plugin keeps."""

WAIT: Final = 1.5
"""Seconds a caller waits for a read; less than a call of a plugin may take, so that the answer says what goes on."""


@dataclass
class _Read:
    """A read under way: when it began, and what comes of it (as values: nobody need take up an error)."""

    number: int
    began: float
    outcome: Future[tuple[Any, Exception | None]] = field(default_factory=Future)


class Readings:
    """The reads of one plugin.

    Args:
        wait: seconds that a caller waits at most.
        clock: seconds that only grow.
    """

    def __init__(self, *, wait: float = WAIT, clock: Callable[[], float] = time.monotonic) -> None:
        self._wait = wait
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[str, _Read] = {}
        self._count = 0

    async def read(self, name: str, work: Callable[[], T]) -> T:
        """What ``work`` returns, run in a daemon thread; it goes on when the caller is cancelled.

        Who finds a read of the same name under way waits for it, and then has its own begun: what was read before one
        asked may be stale, and what ``work`` remembers makes the second quick.

        Args:
            name: of what is read, for people too.
            work: reads; blocks as long as it likes.

        Raises:
            GovkernelError: ``resolve.reading``: it takes longer than a caller waits; ``resolve.busy``: too many reads
                are under way; or whatever ``work`` raises.
        """
        with self._lock:
            asked = self._count
        until = self._clock() + self._wait
        while True:
            found = self._join(name, work)
            outcome = asyncio.wrap_future(found.outcome)
            await asyncio.wait({outcome}, timeout=max(0.0, until - self._clock()))
            if not outcome.done():
                raise _still_reading(name, self._clock() - found.began)
            result, error = outcome.result()
            if found.number <= asked:
                continue
            if error is not None:
                raise error
            return result  # type: ignore[no-any-return]

    def _join(self, name: str, work: Callable[[], Any]) -> _Read:
        with self._lock:
            found = self._under_way.get(name)
            if found is not None:
                return found
            if len(self._under_way) >= MAX_READS:
                raise GovkernelError(
                    "resolve.busy",
                    f"{MAX_READS} artifacts are being read; {ascii(name)[:200]} has to wait.",
                    remedy="Ask again in a while.",
                )
            self._count += 1
            begun = self._under_way[name] = _Read(self._count, self._clock())
            begun.outcome.set_running_or_notify_cancel()
        threading.Thread(target=self._run, args=(name, work, begun), daemon=True, name="reading").start()
        return begun

    def _run(self, name: str, work: Callable[[], Any], begun: _Read) -> None:
        try:
            result: tuple[Any, Exception | None] = (work(), None)
        except Exception as error:
            result = (None, error)
        except BaseException as error:  # ends a thread, and must not leave those who wait behind
            result = (None, RuntimeError(repr(error)))
        with self._lock:
            del self._under_way[name]
        begun.outcome.set_result(result)


class Remembered(Generic[T]):
    """The last answers, by what identifies the content where it is kept. Safe to share by threads.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()

    def get(self, key: Hashable) -> T | None:
        """The answer, if there is one that still holds."""
        with self._lock:
            until, value = self._kept.get(key, (-math.inf, None))
            return value if self._clock() < until else None

    def put(self, key: Hashable, value: T, seconds: float = math.inf) -> T:
        """Keep an answer, for good or for some seconds; returns it."""
        with self._lock:
            self._kept[key] = (self._clock() + seconds, value)
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_REMEMBERED:
                self._kept.popitem(last=False)
        return value


async def together(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run at the same time what belongs together; the first that fails ends the others, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


def too_slow(name: str, seconds: float) -> GovkernelError:
    """The error for a read that its plugin gave up."""
    return GovkernelError(
        "resolve.too-slow",
        f"{ascii(name)[:200]} was not read within {seconds:g} s.",
        why="It is large, or where it is kept is slow.",
        remedy="Ask again; or raise `deadline` in the plugin's settings.",
    )


def _still_reading(name: str, seconds: float) -> GovkernelError:
    return GovkernelError(
        "resolve.reading",
        f"{ascii(name)[:200]} is being read, for {seconds:.0f} s now.",
        why="Its digest is known when all its bytes were read, which goes on.",
        remedy="Ask again in a while; or raise plugins.deadline, and `wait` in the plugin's settings.",
    )

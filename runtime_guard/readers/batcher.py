"""Let one model read what many requests bring: together, in turn by tenant, within bounds.

While the model reads, what arrives gathers, and is the next batch; a model that is idle starts at once. So the batch
grows with the load and nobody waits for a timer unless one is set.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from runtime_guard.failures import detector_failed, overloaded, unread
from runtime_guard.readers.interface import Reader, Reading, Unread

MAX_BATCH: Final = 32
MAX_CHARACTERS: Final = 256 * 1024
"""Characters of a batch; a single text may be longer."""

MAX_WAITING: Final = 1024
"""Texts that may wait."""

DEADLINE: Final = 5.0
"""Seconds until a text must be begun."""


@dataclass(frozen=True)
class _Job:
    text: str
    role: str
    answer: asyncio.Future[Reading]
    expires: float


class Batcher:
    """Reads texts of many callers with one reader, in a thread of its own.

    Args:
        reader: the model.
        max_batch: texts that are read together.
        max_wait: seconds that an idle model waits for more.
        max_waiting: texts that may wait; one more is refused.
        deadline: seconds until a text must be begun.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        max_batch: int = MAX_BATCH,
        max_wait: float = 0.0,
        max_waiting: int = MAX_WAITING,
        deadline: float = DEADLINE,
    ) -> None:
        self.reader = reader
        self._max_batch = max_batch
        self._max_wait = max_wait
        self._max_waiting = max_waiting
        self._deadline = deadline
        self._waiting: OrderedDict[str, deque[_Job]] = OrderedDict()
        self._running: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"guard-{reader.name}")

    async def read(self, text: str, role: str, tenant: str = "") -> Reading:
        """What the model makes of a text.

        Raises:
            GovkernelError: ``guard.overloaded``, ``guard.detector-failed``.
        """
        loop = self._here()
        if sum(map(len, self._waiting.values())) >= self._max_waiting:
            raise overloaded(self.reader.name, f"{self._max_waiting} texts wait.")
        job = _Job(text, role, loop.create_future(), loop.time() + self._deadline)
        self._waiting.setdefault(tenant, deque()).append(job)
        if self._running is None:
            self._running = loop.create_task(self._run())
        return await job.answer

    def _here(self) -> asyncio.AbstractEventLoop:
        """The running loop; what waited in one that has ended waits no more."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._running = loop, None
            self._waiting.clear()
        return loop

    async def _run(self) -> None:
        try:
            while self._waiting:
                if self._max_wait:
                    await asyncio.sleep(self._max_wait)
                await self._read(self._next())
        finally:
            self._running = None

    async def _read(self, jobs: Sequence[_Job]) -> None:
        if not jobs:
            return
        loop = asyncio.get_running_loop()
        texts, roles = [job.text for job in jobs], [job.role for job in jobs]
        try:
            readings = await loop.run_in_executor(self._thread, self.reader.read, texts, roles)
            if len(readings) != len(jobs):
                raise ValueError("as many readings as texts")
        except Exception as error:
            for job in jobs:
                if not job.answer.done():
                    job.answer.set_exception(detector_failed(self.reader.name, error))
            return
        for job, reading in zip(jobs, readings, strict=True):
            if job.answer.done():
                continue
            if isinstance(reading, Unread):
                job.answer.set_exception(unread(self.reader.name, reading.why))
            else:
                job.answer.set_result(reading)

    def _next(self) -> list[_Job]:
        """A batch: one text of each tenant in turn, as long as there is room."""
        batch: list[_Job] = []
        size = 0
        while self._waiting and len(batch) < self._max_batch:
            tenant, jobs = self._waiting.popitem(last=False)
            if batch and size + len(jobs[0].text) > MAX_CHARACTERS:
                self._waiting[tenant] = jobs
                self._waiting.move_to_end(tenant, last=False)
                break
            job = jobs.popleft()
            if jobs:
                self._waiting[tenant] = jobs
            if self._still_wanted(job):
                batch.append(job)
                size += len(job.text)
        return batch

    def _still_wanted(self, job: _Job) -> bool:
        if job.answer.done():  # its caller left
            return False
        if asyncio.get_running_loop().time() > job.expires:
            job.answer.set_exception(overloaded(self.reader.name, f"It waited for {self._deadline:g} s."))
            return False
        return True

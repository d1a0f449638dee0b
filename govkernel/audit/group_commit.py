"""Group commit: many callers wait, one thread writes what has gathered since its last commit.

While one group is being committed the next one gathers, so groups grow with the load and a lone append waits for
nobody. Callers may come from any event loop or thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from govkernel.audit.entry import Entry
from govkernel.audit.writer import Receipt
from govkernel.errors import AuditError

MAX_GROUP: Final = 512
"""Records committed together, at most."""

MAX_GROUP_BYTES: Final = 32 * 1024 * 1024
MAX_WAITING: Final = 50_000
"""Records that may wait; more are refused rather than kept in memory."""

Job = tuple[Sequence[Entry], "Future[list[Receipt]]"]


class GroupCommit:
    """Gathers entries and has them written in groups.

    Args:
        write: writes a group durably, or raises AuditError; called in one thread.
    """

    def __init__(self, write: Callable[[Sequence[Entry]], list[Receipt]]) -> None:
        self._write = write
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="govkernel-audit")
        self._mutex = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._waiting = 0
        self._busy = False
        self._closed = False

    def submit(self, entries: Sequence[Entry]) -> Future[list[Receipt]]:
        """Queue entries; they are committed together. The future raises AuditError when they were not.

        Raises:
            AuditError: ``audit.closed`` or ``audit.overloaded``.
        """
        future: Future[list[Receipt]] = Future()
        with self._mutex:
            if self._closed:
                raise AuditError("audit.closed", "The audit log is closed.", remedy="Open it again.")
            if self._waiting + len(entries) > MAX_WAITING:
                raise AuditError(
                    "audit.overloaded",
                    f"More than {MAX_WAITING} records wait to be written.",
                    remedy="Slow down, or use a faster audit database.",
                )
            self._jobs.append((entries, future))
            self._waiting += len(entries)
            if not self._busy:
                self._busy = True
                self._thread.submit(self._drain)
        return future

    def close(self) -> None:
        """Write what waits, then stop. Blocks."""
        with self._mutex:
            self._closed = True
        self._thread.shutdown(wait=True)

    def _drain(self) -> None:
        while group := self._next():
            self._commit([job for job in group if job[1].set_running_or_notify_cancel()])

    def _next(self) -> list[Job]:
        group, count, size = list[Job](), 0, 0
        with self._mutex:
            while self._jobs:
                entries = self._jobs[0][0]
                count, size = count + len(entries), size + sum(entry.size for entry in entries)
                if group and (count > MAX_GROUP or size > MAX_GROUP_BYTES):
                    break
                group.append(self._jobs.popleft())
                self._waiting -= len(entries)
            self._busy = bool(group)
        return group

    def _commit(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        try:
            receipts = self._write([entry for entries, _ in jobs for entry in entries])
        except AuditError as error:
            if error.code == "audit.refused" and len(jobs) > 1:
                for job in jobs:  # one value the database refuses must not take the others with it
                    self._commit([job])
                return
            _fail(jobs, error)
        except Exception as error:
            _fail(jobs, _unexpected(error))
        else:
            _acknowledge(jobs, receipts)


def _acknowledge(jobs: Sequence[Job], receipts: Sequence[Receipt]) -> None:
    start = 0
    for entries, future in jobs:
        future.set_result(list(receipts[start : start + len(entries)]))
        start += len(entries)


def _fail(jobs: Sequence[Job], error: AuditError) -> None:
    for _, future in jobs:
        future.set_exception(AuditError(error.code, error.what, why=error.why, remedy=error.remedy))


def _unexpected(error: Exception) -> AuditError:
    return AuditError(
        "audit.unavailable",
        "The record could not be written.",
        why=type(error).__name__,
        remedy="Check the audit database, then ask again.",
    )

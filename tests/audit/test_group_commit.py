"""The queue in front of the writer: groups grow with the load, one bad value stands alone, nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from govkernel.audit import Receipt
from govkernel.audit.entry import Entry, entry_of
from govkernel.audit.group_commit import MAX_GROUP, GroupCommit
from govkernel.errors import AuditError
from tests.audit.conftest import NOW
from tests.simulators.records import sample_record

ENTRIES = [entry_of(sample_record(n, NOW)) for n in range(4)]


class SlowStore:
    """Writes nothing; waits at a gate, and refuses groups that hold ``refused``."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.groups: list[int] = []
        self.refused: Entry | None = None
        self.fault: Exception | None = None

    def write(self, entries: Sequence[Entry]) -> list[Receipt]:
        self.entered.set()
        assert self.gate.wait(10)
        if self.fault:
            raise self.fault
        if self.refused in entries:
            raise AuditError("audit.refused", "No.", remedy="None.")
        first = sum(self.groups)
        self.groups.append(len(entries))
        return [Receipt(first + place, entry.leaf, "") for place, entry in enumerate(entries)]


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


def test_what_gathers_while_a_group_is_written_is_the_next_group(store: SlowStore):
    queue = GroupCommit(store.write)
    first = queue.submit(ENTRIES[:1])
    assert store.entered.wait(10)
    others = [queue.submit(ENTRIES[:1]) for _ in range(MAX_GROUP + 5)]
    store.gate.set()
    assert [item.result(10)[0].index for item in (first, *others)] == list(range(MAX_GROUP + 6))
    assert store.groups == [1, MAX_GROUP, 5]
    queue.close()


def test_a_value_that_is_refused_fails_alone(store: SlowStore):
    store.refused = ENTRIES[2]
    queue = GroupCommit(store.write)
    first = queue.submit(ENTRIES[:1])
    assert store.entered.wait(10)
    others = [queue.submit([entry]) for entry in ENTRIES[1:]]
    store.gate.set()
    assert [first.result(10)[0].index, others[0].result(10)[0].index, others[2].result(10)[0].index] == [
        0,
        1,
        2,
    ]
    with pytest.raises(AuditError, match=r"audit\.refused"):
        others[1].result(10)
    queue.close()


@pytest.mark.parametrize("fault", [AuditError("audit.locked", "No."), ValueError("surprise")])
def test_every_waiter_of_a_failed_group_is_told(store: SlowStore, fault: Exception):
    store.fault = fault
    queue = GroupCommit(store.write)
    waiting = [queue.submit([entry]) for entry in ENTRIES]
    store.gate.set()
    codes = {getattr(item.exception(10), "code", "") for item in waiting}
    assert codes == {getattr(fault, "code", "audit.unavailable")}
    store.fault = None
    assert queue.submit(ENTRIES[:1]).result(10)
    queue.close()


def test_a_cancelled_waiter_is_not_written(store: SlowStore):
    queue = GroupCommit(store.write)
    queue.submit(ENTRIES[:1])
    assert store.entered.wait(10)
    cancelled, kept = queue.submit(ENTRIES[1:2]), queue.submit(ENTRIES[2:3])
    assert cancelled.cancel()
    store.gate.set()
    assert kept.result(10)[0].leaf_hash == ENTRIES[2].leaf
    assert store.groups == [1, 1]
    queue.close()


def test_too_many_waiters_are_refused(store: SlowStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("govkernel.audit.group_commit.MAX_WAITING", 3)
    queue = GroupCommit(store.write)
    queue.submit(ENTRIES[:1])
    assert store.entered.wait(10)
    queue.submit(ENTRIES[:3])
    with pytest.raises(AuditError, match="overloaded"):
        queue.submit(ENTRIES[:1])
    store.gate.set()
    queue.close()

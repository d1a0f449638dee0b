"""Tampering with a copy of a log, in every way we could think of: each is found, and named.

The log has 41 records, committed in groups that end at 1, 2, 5, 20, 21 and 41 records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govkernel.audit import AuditFinding, CheckpointSigner, VerificationReport, verify, verify_log
from govkernel.audit.entry import entry_of
from govkernel.audit.findings import Collector
from govkernel.domain.merkle import CompactRange, leaf_hash
from govkernel.errors import AuditError
from tests.audit.conftest import NOW, ORIGIN, Sample
from tests.simulators.records import sample_record

SIZE = 41


class Attacker:
    """Writes to the database; knows the format, and not the key."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path)

    def run(self, sql: str, *values: object) -> None:
        self.db.execute(sql, values)

    def flip_effect(self, row: int) -> None:
        self.run(
            'UPDATE record SET payload = replace(payload, \'"effect":"deny"\', \'"effect":"allow"\') WHERE idx = ?',
            row,
        )

    def recompute_leaf(self, row: int) -> None:
        (payload,) = self.db.execute("SELECT payload FROM record WHERE idx = ?", (row,)).fetchone()
        self.run("UPDATE record SET leaf_hash = ? WHERE idx = ?", leaf_hash(payload.encode()), row)

    def recompute_nodes(self) -> None:
        """Make all nodes and all roots those of the leaves, signatures apart."""
        leaves = [leaf for (leaf,) in self.db.execute("SELECT leaf_hash FROM record ORDER BY idx")]
        self.run("DELETE FROM node")
        for node in CompactRange().extend(leaves)[1]:
            self.run("INSERT INTO node VALUES (?, ?, ?)", node.level, node.index, node.hash)
        for (size,) in self.db.execute("SELECT size FROM checkpoint").fetchall():
            root = CompactRange().extend(leaves[:size])[0].root()
            self.run("UPDATE checkpoint SET root = ? WHERE size = ?", root, size)

    def remove(self, row: int, *tables: str) -> None:
        for table in tables or ("record", "subject", "policy", "control", "fault"):
            self.run(f"DELETE FROM {table} WHERE idx = ?", row)

    def renumber(self, start: int, by: int) -> None:
        """Move all rows from ``start`` on."""
        for table in ("record", "subject", "policy", "control", "fault"):
            for sign in (-1, 1):
                self.run(
                    f"UPDATE {table} SET idx = -(idx + ?) WHERE {'idx >= ?' if sign < 0 else 'idx < ?'}",
                    by if sign < 0 else 0,
                    start if sign < 0 else 0,
                )

    def insert(self, row: int, number: int) -> None:
        """Write a record of our own."""
        entry = entry_of(sample_record(number, NOW))
        values = {"idx": row, "payload": entry.payload, "leaf_hash": entry.leaf, **entry.columns}
        self._insert("record", values)
        for table, items in entry.sides.items():
            for position, item in enumerate(items):
                self._insert(table, {"idx": row, "position": position, **item})

    def swap_rows(self, one: int, two: int) -> None:
        """Exchange two rows wholly, with everything that belongs to them."""
        for table in ("record", "subject", "policy", "control", "fault"):
            for old, new in ((one, -1), (two, one), (-1, two)):
                self.run(f"UPDATE {table} SET idx = ? WHERE idx = ?", new, old)

    def swap_columns(self, one: int, two: int, columns: str) -> None:
        """Exchange some columns of two rows."""
        first, second = (
            self.db.execute(f"SELECT {columns} FROM record WHERE idx = ?", (row,)).fetchone()
            for row in (one, two)
        )
        assign = ", ".join(f"{name} = ?" for name in columns.split(", "))
        self.run(f"UPDATE record SET {assign} WHERE idx = ?", *second, one)
        self.run(f"UPDATE record SET {assign} WHERE idx = ?", *first, two)

    def done(self) -> None:
        self.db.commit()
        self.db.close()

    def _insert(self, table: str, values: dict[str, object]) -> None:
        marks = ", ".join("?" * len(values))
        self.run(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", *values.values())


@dataclass(frozen=True)
class Case:
    name: str
    attack: Callable[[Attacker], object]
    code: str
    rows: tuple[int, int] | None
    says: str = ""
    only: bool = True


def forge(attacker: Attacker, row: int) -> None:
    attacker.flip_effect(row)
    attacker.recompute_leaf(row)


def rewrite(attacker: Attacker, row: int) -> None:
    forge(attacker, row)
    attacker.run("UPDATE record SET effect = 'allow' WHERE idx = ?", row)
    attacker.run("UPDATE policy SET effect = 'allow' WHERE idx = ?", row)
    attacker.recompute_nodes()


def remove_and_renumber(attacker: Attacker, row: int) -> None:
    attacker.remove(row)
    attacker.renumber(row + 1, -1)


def insert_and_renumber(attacker: Attacker, row: int) -> None:
    attacker.renumber(row, 1)
    attacker.insert(row, 500)


def fake_checkpoint(attacker: Attacker) -> None:
    leaves = [leaf for (leaf,) in attacker.db.execute("SELECT leaf_hash FROM record ORDER BY idx")]
    root = CompactRange().extend(leaves)[0].root()
    note = CheckpointSigner(ORIGIN, Ed25519PrivateKey.generate()).sign(len(leaves), root)
    attacker.run("UPDATE checkpoint SET root = ?, note = ? WHERE size = 41", root, note)


def truncate(attacker: Attacker, size: int) -> None:
    for row in range(size, SIZE):
        attacker.remove(row)


def roll_back(attacker: Attacker, size: int) -> None:
    truncate(attacker, size)
    attacker.run("DELETE FROM checkpoint WHERE size > ?", size)
    attacker.recompute_nodes()


CASES = [
    Case("payload", lambda a: a.flip_effect(9), "audit.row-changed", (9, 9), "effect"),
    Case(
        "payload and column",
        lambda a: (a.flip_effect(9), a.run("UPDATE record SET effect = 'allow' WHERE idx = 9")),
        "audit.row-changed",
        (9, 9),
        "policy",
    ),
    Case("payload of the first row", lambda a: a.flip_effect(0), "audit.row-changed", (0, 0)),
    Case(
        "payload of the last row",
        lambda a: a.run("UPDATE record SET payload = payload || ' ' WHERE idx = 40"),
        "audit.row-changed",
        (40, 40),
    ),
    Case(
        "payload that is no JSON",
        lambda a: a.run("UPDATE record SET payload = '[' WHERE idx = 30"),
        "audit.row-changed",
        (30, 30),
        "payload",
    ),
    Case(
        "one space in a payload",
        lambda a: a.run("UPDATE record SET payload = ' ' || payload WHERE idx = 17"),
        "audit.row-changed",
        (17, 17),
    ),
    Case(
        "leaf hash",
        lambda a: a.run("UPDATE record SET leaf_hash = zeroblob(32) WHERE idx = 12"),
        "audit.row-changed",
        (12, 12),
    ),
    Case(
        "leaf hash of the last row",
        lambda a: a.run("UPDATE record SET leaf_hash = zeroblob(32) WHERE idx = 40"),
        "audit.row-changed",
        (40, 40),
    ),
    Case(
        "payload with leaf hash",
        lambda a: forge(a, 12),
        "audit.row-changed",
        (12, 13),
        "recomputed",
        only=False,
    ),
    Case(
        "payload with leaf hash and nodes, in a group of 15",
        lambda a: rewrite(a, 12),
        "audit.checkpoint-root",
        (5, 19),
        "20 records",
        only=False,
    ),
    Case(
        "payload with leaf hash and nodes, in a group of 3",
        lambda a: rewrite(a, 3),
        "audit.checkpoint-root",
        (2, 4),
        "5 records",
        only=False,
    ),
    Case(
        "payload with leaf hash and nodes, alone in its group",
        lambda a: rewrite(a, 0),
        "audit.checkpoint-root",
        (0, 0),
        "1 records",
        only=False,
    ),
    Case(
        "a column",
        lambda a: a.run("UPDATE record SET effect = 'allow' WHERE idx = 9"),
        "audit.column-differs",
        (9, 9),
        "effect",
    ),
    Case(
        "a time",
        lambda a: a.run("UPDATE record SET decided_at = decided_at + 1 WHERE idx = 8"),
        "audit.column-differs",
        (8, 8),
        "decided_at",
    ),
    Case(
        "a decision id",
        lambda a: a.run("UPDATE record SET decision_id = 'x' WHERE idx = 8"),
        "audit.column-differs",
        (8, 8),
        "decision_id",
    ),
    Case(
        "a digest beside",
        lambda a: a.run("UPDATE subject SET digest = 'sha256:00' WHERE idx = 9"),
        "audit.column-differs",
        (9, 9),
        "subject",
    ),
    Case(
        "a policy beside, removed", lambda a: a.remove(9, "policy"), "audit.column-differs", (9, 9), "policy"
    ),
    Case(
        "a fault beside, added",
        lambda a: a.run("INSERT INTO fault VALUES (9, 0, 'x.y', '')"),
        "audit.column-differs",
        (9, 9),
        "fault",
    ),
    Case("a row removed", lambda a: a.remove(17), "audit.row-missing", (17, 17), only=False),
    Case(
        "three rows removed",
        lambda a: [a.remove(n) for n in (30, 31, 32)],
        "audit.row-missing",
        (30, 32),
        only=False,
    ),
    Case("the first row removed", lambda a: a.remove(0), "audit.row-missing", (0, 0), only=False),
    Case("the tail removed", lambda a: truncate(a, 35), "audit.truncated", (35, 40), "41", only=False),
    Case("all rows removed", lambda a: truncate(a, 0), "audit.truncated", (0, 40), only=False),
    Case(
        "removed and renumbered",
        lambda a: remove_and_renumber(a, 22),
        "audit.row-missing",
        (22, 23),
        "renumbered",
        only=False,
    ),
    Case(
        "the one beside removed and renumbered",
        lambda a: remove_and_renumber(a, 23),
        "audit.row-missing",
        (22, 23),
        "renumbered",
        only=False,
    ),
    Case(
        "two removed and renumbered",
        lambda a: [remove_and_renumber(a, 22) for _ in "12"],
        "audit.row-missing",
        (22, 23),
        "2 row(s)",
        only=False,
    ),
    Case(
        "removed, renumbered, nodes recomputed",
        lambda a: (remove_and_renumber(a, 22), a.recompute_nodes()),
        "audit.truncated",
        (40, 40),
        only=False,
    ),
    Case(
        "inserted and renumbered",
        lambda a: insert_and_renumber(a, 22),
        "audit.row-inserted",
        (22, 22),
        "renumbered",
        only=False,
    ),
    Case(
        "inserted beside and renumbered",
        lambda a: insert_and_renumber(a, 23),
        "audit.row-inserted",
        (22, 23),
        "renumbered",
        only=False,
    ),
    Case("appended", lambda a: a.insert(41, 500), "audit.row-unsigned", (41, 41), only=False),
    Case(
        "appended far away",
        lambda a: a.insert(10**15, 500),
        "audit.row-unsigned",
        (10**15, 10**15),
        only=False,
    ),
    Case(
        "appended before the first", lambda a: a.insert(-5, 500), "audit.row-unsigned", (-5, -5), only=False
    ),
    Case(
        "appended with a forged checkpoint",
        lambda a: (a.insert(41, 500), fake_checkpoint(a)),
        "audit.checkpoint-signature",
        None,
        only=False,
    ),
    Case("rows exchanged", lambda a: a.swap_rows(9, 30), "audit.row-reordered", (9, 9), "row 30"),
    Case("neighbours exchanged", lambda a: a.swap_rows(30, 31), "audit.row-reordered", (30, 30), "row 31"),
    Case(
        "payloads exchanged",
        lambda a: a.swap_columns(9, 31, "payload"),
        "audit.row-reordered",
        (9, 9),
        "row 31",
    ),
    Case(
        "rows exchanged, nodes recomputed",
        lambda a: (a.swap_rows(9, 10), a.recompute_nodes()),
        "audit.checkpoint-root",
        (5, 19),
        only=False,
    ),
    Case(
        "a node",
        lambda a: a.run("UPDATE node SET hash = zeroblob(32) WHERE level = 2 AND idx = 3"),
        "audit.node-differs",
        None,
        "node 3 of level 2",
    ),
    Case(
        "a node removed",
        lambda a: a.run("DELETE FROM node WHERE level = 1 AND idx = 3"),
        "audit.node-missing",
        None,
        "node 3 of level 1",
    ),
    Case("all nodes removed", lambda a: a.run("DELETE FROM node"), "audit.node-missing", None),
    Case(
        "a node too many",
        lambda a: a.run("INSERT INTO node VALUES (9, 9, zeroblob(32))"),
        "audit.node-extra",
        None,
    ),
    Case(
        "a checkpoint's root",
        lambda a: a.run("UPDATE checkpoint SET root = zeroblob(32) WHERE size = 20"),
        "audit.checkpoint-differs",
        None,
        "20",
    ),
    Case(
        "a checkpoint's note",
        lambda a: a.run(
            "UPDATE checkpoint SET note = replace(note, char(10) || '20' || char(10), "
            "char(10) || '19' || char(10)) WHERE size = 20"
        ),
        "audit.checkpoint-signature",
        None,
        "20",
    ),
    Case(
        "a checkpoint cut short",
        lambda a: a.run("UPDATE checkpoint SET note = 'x' WHERE size = 20"),
        "audit.checkpoint-format",
        None,
        "20",
    ),
    Case(
        "a checkpoint moved",
        lambda a: a.run("UPDATE checkpoint SET size = 19 WHERE size = 20"),
        "audit.checkpoint-differs",
        None,
        "19",
    ),
    Case(
        "a checkpoint moved beyond the end",
        lambda a: a.run("UPDATE checkpoint SET size = 50 WHERE size = 20"),
        "audit.checkpoint-differs",
        None,
        "50",
    ),
    Case(
        "a checkpoint of somebody else", fake_checkpoint, "audit.checkpoint-signature", None, "41", only=False
    ),
    Case(
        "the newest checkpoint removed",
        lambda a: a.run("DELETE FROM checkpoint WHERE size = 41"),
        "audit.row-unsigned",
        (21, 21),
        only=False,
    ),
    Case(
        "every checkpoint removed",
        lambda a: a.run("DELETE FROM checkpoint"),
        "audit.row-unsigned",
        (0, 0),
        only=False,
    ),
]


def codes(report: VerificationReport) -> set[str]:
    return {finding.code for finding in report.findings}


def attacked(sample: Sample, attack: Callable[[Attacker], object]) -> VerificationReport:
    attacker = Attacker(sample.path)
    attack(attacker)
    attacker.done()
    return sample.verify()


def test_an_untouched_log_is_intact(sample: Sample):
    report = sample.verify()
    assert (report.intact, report.size, report.checkpoints, report.findings) == (True, SIZE, 6, ())
    assert report.checkpoint == sample.checkpoints[-1]
    assert report.as_dict()["verifiedAt"] == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_tampering_is_found_and_named(sample: Sample, case: Case):
    report = attacked(sample, case.attack)
    named = [
        item
        for item in report.findings
        if item.code == case.code and item.rows == case.rows and case.says in item.what
    ]
    assert named, [str(item) for item in report.findings]
    if case.only:
        assert codes(report) == {case.code}, [str(item) for item in report.findings]


def test_a_removed_row_leaves_its_neighbour_unproven_and_all_others_proven(sample: Sample):
    report = attacked(sample, lambda a: a.remove(17))
    assert [(item.code, item.rows) for item in report.findings] == [
        ("audit.row-unproven", (16, 16)),
        ("audit.row-missing", (17, 17)),
    ]
    assert report.checkpoints == 6


def test_rows_that_no_signature_reaches_any_more_are_said_to_be_unproven(sample: Sample):
    report = attacked(sample, lambda a: (truncate(a, 35), forge(a, 30)))
    assert ("audit.row-unproven", (21, 34)) in [(item.code, item.rows) for item in report.findings]


def test_a_row_exchanged_with_the_last_one_is_named(sample: Sample):
    report = attacked(sample, lambda a: a.swap_rows(9, 40))
    assert [(item.code, item.rows) for item in report.findings] == [
        ("audit.row-changed", (8, 9)),
        ("audit.row-reordered", (40, 40)),
    ]
    assert "now in row 9" in report.findings[1].what


def test_a_removed_row_and_its_node_leave_their_neighbours_unproven(sample: Sample):
    report = attacked(sample, lambda a: (a.remove(17), a.run("DELETE FROM node WHERE level = 1 AND idx = 8")))
    assert ("audit.row-unproven", (18, 19)) in [(item.code, item.rows) for item in report.findings]


def test_a_second_change_beside_a_clumsy_one_is_found_too(sample: Sample):
    report = attacked(sample, lambda a: (a.flip_effect(12), forge(a, 30)))
    rows = {item.rows for item in report.findings if item.code == "audit.row-changed"}
    assert rows == {(12, 12), (30, 31)}


def test_a_change_names_the_decision(sample: Sample):
    (finding,) = attacked(sample, lambda a: a.flip_effect(9)).findings
    assert finding.decision_id == sample_record(9, NOW).decision.id
    assert str(finding).startswith(f"row 9 (decision {finding.decision_id}): ")
    assert "effect" in finding.differs


def test_a_row_with_two_bodies_is_found(sample: Sample):
    def double(attacker: Attacker) -> None:
        attacker.run("CREATE TABLE plain AS SELECT * FROM record")
        attacker.run("INSERT INTO plain SELECT * FROM record WHERE idx = 7")
        attacker.run("DROP TABLE record")
        attacker.run("ALTER TABLE plain RENAME TO record")

    report = attacked(sample, double)
    assert [(item.code, item.rows) for item in report.findings] == [("audit.row-inserted", (7, 7))]


def test_a_rollback_of_everything_is_found_with_a_checkpoint_that_was_kept(sample: Sample):
    assert attacked(sample, lambda a: roll_back(a, 21)).intact
    report = sample.verify(expected=sample.checkpoints[-1])
    assert [(item.code, item.rows) for item in report.findings] == [("audit.truncated", (21, 40))]


def test_a_history_that_the_key_holder_wrote_anew_is_found_with_a_checkpoint_that_was_kept(
    sample: Sample, key: Ed25519PrivateKey
):
    def rewrite_and_sign(attacker: Attacker) -> None:
        rewrite(attacker, 12)
        for size, root in attacker.db.execute("SELECT size, root FROM checkpoint").fetchall():
            attacker.run(
                "UPDATE checkpoint SET note = ? WHERE size = ?",
                CheckpointSigner(ORIGIN, key).sign(size, root),
                size,
            )

    assert attacked(sample, rewrite_and_sign).intact
    (finding,) = sample.verify(expected=sample.checkpoints[3]).findings
    assert finding.code == "audit.checkpoint-root"
    assert "that you hold" in finding.what


@pytest.mark.parametrize("kept", range(6))
def test_every_checkpoint_that_was_kept_is_confirmed_by_an_untouched_log(sample: Sample, kept: int):
    assert sample.verify(expected=sample.checkpoints[kept]).intact


def test_a_kept_checkpoint_of_another_log_is_an_error_of_whoever_kept_it(sample: Sample):
    foreign = CheckpointSigner(ORIGIN, Ed25519PrivateKey.generate()).sign(41, b"r" * 32)
    with pytest.raises(AuditError, match="checkpoint-signature"):
        sample.verify(expected=foreign)


def test_many_findings_are_counted_and_the_first_are_named(sample: Sample):
    report = attacked(
        sample,
        lambda a: (
            a.run("UPDATE record SET door = 'x'"),
            a.run("UPDATE subject SET kind = 'y'"),
            a.insert(41, 7),
            [a.insert(n, n) for n in range(50, 150)],
        ),
    )
    assert len(report.findings) < 120
    assert any("101 such" in item.what for item in report.findings)


def test_findings_are_bounded():
    found = Collector()
    for row in range(500):
        found.add("audit.row-changed", "Changed.", (row, row))
    kept, omitted = found.result()
    assert (len(kept), omitted, kept[0].rows) == (50, 450, (0, 0))


def test_an_empty_log_is_intact_and_a_missing_one_is_an_error(log, tmp_path: Path, sample: Sample):
    report = verify(f"sqlite:///{tmp_path}/audit.db", log.verifier, NOW)
    assert (report.intact, report.size, report.checkpoint) == (True, 0, "")
    with pytest.raises(AuditError, match=r"audit\.unavailable"):
        verify(f"sqlite:///{tmp_path}/nowhere.db", log.verifier, NOW)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (a)").connection.commit()
    with pytest.raises(AuditError, match=r"audit\.schema"):
        verify(f"sqlite:///{tmp_path}/other.db", log.verifier, NOW)


def test_verification_changes_nothing(sample: Sample):
    before = sample.path.read_bytes()
    sample.verify()
    assert sample.path.read_bytes() == before


def test_a_log_on_read_only_media_can_be_verified(sample: Sample, monkeypatch: pytest.MonkeyPatch):
    for leftover in sample.path.parent.glob("copy.db-*"):
        leftover.unlink()
    sample.path.parent.chmod(0o500)
    monkeypatch.setattr("os.access", lambda *_: False)
    try:
        assert sample.verify().intact
    finally:
        sample.path.parent.chmod(0o700)


def test_the_key_may_be_given_in_any_form(sample: Sample):
    assert verify_log(sample.url, origin=ORIGIN, key=str(sample.verifier), now=NOW).intact
    other = verify_log(sample.url, origin="other.test/audit", key=str(sample.verifier), now=NOW)
    assert other.intact  # a verifier key carries its own name


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changed_byte_of_any_record_is_found(grouped: Sample, tmp_path_factory, data: st.DataObject):
    path = tmp_path_factory.mktemp("flip") / "copy.db"
    path.write_bytes(grouped.path.read_bytes())
    row = data.draw(st.integers(0, SIZE - 1))
    attacker = Attacker(path)
    (payload,) = attacker.db.execute("SELECT payload FROM record WHERE idx = ?", (row,)).fetchone()
    place = data.draw(st.integers(0, len(payload) - 1))
    letter = data.draw(st.characters(exclude_categories=["Cs"], exclude_characters=payload[place]))
    attacker.run(
        "UPDATE record SET payload = ? WHERE idx = ?", payload[:place] + letter + payload[place + 1 :], row
    )
    attacker.done()
    report = verify(f"sqlite:///{path}", grouped.verifier, NOW)
    assert [(item.code, item.rows) for item in report.findings] == [("audit.row-changed", (row, row))]


def test_a_finding_reads_as_a_sentence():
    assert str(AuditFinding("audit.row-missing", "Gone.", (3, 5))) == "rows 3-5: Gone. [audit.row-missing]"
    assert str(AuditFinding("audit.node-extra", "One too many.")) == "One too many. [audit.node-extra]"

"""Appending records to the audit log, beside the same records in a plain table of SQLModel."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import Field, Session, SQLModel, create_engine

from govkernel.audit import AuditLog, load_or_create_key
from govkernel.domain import Record
from tests.benchmarks.compare import interleaved, show
from tests.simulators.records import sample_record

BATCH = 512


class Plain(SQLModel, table=True):
    """What one would write without a log: the record as JSON, nothing that proves it."""

    id: int | None = Field(default=None, primary_key=True)
    body: str


def main() -> None:
    """Print records per second, each side durable before it answers."""
    records = [sample_record(number, datetime.now(UTC)) for number in range(BATCH)]
    bodies = [record.model_dump_json() for record in records]
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        key = load_or_create_key(Path(folder) / "audit.key")
        log = AuditLog.open(f"sqlite:///{folder}/audit.db", origin="benchmark", signing_key=key)
        engine = create_engine(f"sqlite:///{folder}/plain.db")
        SQLModel.metadata.create_all(engine, tables=[Plain.__table__])  # type: ignore[attr-defined]

        def insert() -> int:
            with Session(engine) as session:
                session.add_all(Plain(body=body) for body in bodies)
                session.commit()
            return BATCH

        def group() -> int:
            log.append_many(records)
            return BATCH

        def concurrent() -> int:
            runner.run(_concurrent(log, records))
            return BATCH

        sides = {
            "audit log, one group": group,
            "audit log, 64 callers": concurrent,
            "plain SQLModel table, one group": insert,
        }
        show(f"append {BATCH} records", interleaved(sides), "records/s")
        runner.run(log.close())


async def _concurrent(log: AuditLog, records: list[Record]) -> None:
    async def caller(mine: list[Record]) -> None:
        for record in mine:
            await log.append(record)

    await asyncio.gather(*(caller(records[start::64]) for start in range(64)))


if __name__ == "__main__":
    main()

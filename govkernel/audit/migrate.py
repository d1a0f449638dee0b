"""Bring a database to the schema this version knows; alembic is imported only when there is something to do."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from govkernel.audit.database import open_engine, transaction
from govkernel.errors import AuditError

HEAD: Final = "0001"
"""Revision of the schema in :mod:`govkernel.audit.tables`."""

KNOWN: Final = frozenset({"0001"})


def upgrade(url: str) -> None:
    """Create or migrate the log's tables; nothing happens when they are current.

    Raises:
        AuditError: ``audit.schema`` when a newer version made them, and what the database says.
    """
    engine = open_engine(url)
    try:
        ensure_schema(engine)
    finally:
        engine.dispose()


def ensure_schema(engine: Engine) -> None:
    """Like :func:`upgrade`, on an open engine."""
    with transaction(engine) as connection:
        if revision(connection) == HEAD:
            return
    with transaction(engine, write=True) as connection:
        found = revision(connection)  # another process may have been first
        if found is not None and found not in KNOWN:
            raise _wrong_schema(found)
        if found != HEAD:
            _run(connection)


def revision(connection: Connection) -> str | None:
    """The revision of the schema in the database, None when there is none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found is not None else None


def check_schema(connection: Connection) -> None:
    """Refuse a database that does not hold a log of this version.

    Raises:
        AuditError: ``audit.schema``.
    """
    found = revision(connection)
    if found != HEAD:
        raise _wrong_schema(found)


def _wrong_schema(found: str | None) -> AuditError:
    return AuditError(
        "audit.schema",
        "The database does not hold an audit log of this version.",
        why=f"Its schema is {found or 'missing'}; this version knows {HEAD}.",
        remedy="Check [audit] database, or use the version of govkernel that wrote it.",
    )


def _run(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  (a third of a second, rarely needed)
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    location = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", location.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)

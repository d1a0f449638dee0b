"""Migrations: the schema they make is the one the code uses; a database is brought up to date once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from govkernel.audit import upgrade
from govkernel.audit.database import open_engine, transaction
from govkernel.audit.migrate import HEAD, KNOWN, ensure_schema, revision
from govkernel.audit.tables import METADATA


def test_migrations_make_the_tables_of_the_code(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/audit.db"
    upgrade(url)
    with transaction(open_engine(url)) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        assert revision(connection) == HEAD
        assert set(inspect(connection).get_table_names()) == {*METADATA.tables, "alembic_version"}


def test_a_current_database_needs_no_alembic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    url = f"sqlite:///{tmp_path}/audit.db"
    upgrade(url)
    monkeypatch.setitem(sys.modules, "alembic", None)
    upgrade(url)
    ensure_schema(open_engine(url))


def test_every_revision_is_known():
    versions = Path(__file__).parents[2] / "govkernel" / "audit" / "migrations" / "versions"
    assert {path.name.removeprefix("v").partition("_")[0] for path in versions.glob("v*.py")} == KNOWN
    assert HEAD in KNOWN

"""alembic's entry point: migrates on the connection it is given, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from govkernel.audit.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=False,
)
context.run_migrations()

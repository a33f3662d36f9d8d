"""Runs migrations on the connection, and in the transaction, that the caller passes to Alembic."""

from __future__ import annotations

from alembic import context

from firstlight.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()

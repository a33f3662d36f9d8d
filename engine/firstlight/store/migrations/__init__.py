"""Alembic migrations, run by :func:`firstlight.store.migrate.migrate`."""

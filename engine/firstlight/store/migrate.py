"""Brings a database to the newest schema, once, under the write lock."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from firstlight.errors import PreconditionError, Reason
from firstlight.store.database import Database
from firstlight.store.tables import SCHEMA_VERSION


def migrate(database: Database) -> None:
    """Run the missing Alembic migrations in one transaction.

    Raises:
        PreconditionError: HOME_TOO_NEW: a newer version of Firstlight migrated it further. Nothing is changed.
    """
    with database.read() as connection:
        if _version(connection) == SCHEMA_VERSION:
            return
    with database.write() as connection:
        _upgrade(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


def _upgrade(connection: Connection) -> None:
    # Only a database that is not up to date pays for importing Alembic.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "firstlight.store:migrations")
    version = _version(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise PreconditionError(
            f"the database was made by a newer version of Firstlight (schema {version}, this one knows "
            f"{SCHEMA_VERSION}): upgrade Firstlight; nothing was changed",
            reason=Reason.HOME_TOO_NEW,
        )
    command.upgrade(config, "head")

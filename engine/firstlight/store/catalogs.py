"""Catalogues and their schemas."""

from __future__ import annotations

import json

from sqlalchemy import select, update

from firstlight.domain import Schema
from firstlight.store.repository import Repository, ensure_catalog
from firstlight.store.tables import catalogs


class Catalogs(Repository):
    """A catalogue comes into being with :meth:`ensure_catalog` or with the first write to it."""

    def ensure_catalog(self, catalog_id: str) -> None:
        """Make the catalogue where it does not exist."""
        with self._database.write() as connection:
            ensure_catalog(connection, catalog_id)

    def list_catalogs(self) -> list[str]:
        """All catalogue ids, in order."""
        with self._database.read() as connection:
            return list(connection.execute(select(catalogs.c.catalog_id).order_by(catalogs.c.catalog_id)).scalars())

    def catalog_schema(self, catalog_id: str) -> Schema | None:
        """The schema that imports settled, None where nothing was imported."""
        query = select(catalogs.c.schema).where(catalogs.c.catalog_id == catalog_id)
        with self._database.read() as connection:
            text = connection.execute(query).scalar()
        return Schema.from_json(json.loads(text)) if text else None

    def set_catalog_schema(self, catalog_id: str, schema: Schema) -> None:
        """Replace the schema of a catalogue."""
        with self._database.write() as connection:
            ensure_catalog(connection, catalog_id)
            connection.execute(
                update(catalogs).where(catalogs.c.catalog_id == catalog_id).values(schema=json.dumps(schema.to_json()))
            )

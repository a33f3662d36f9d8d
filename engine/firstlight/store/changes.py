"""The numbered log of everything that was committed: how other processes follow, and what a write token is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from firstlight.store.records import Change, ChangeKind
from firstlight.store.repository import Repository
from firstlight.store.tables import changes


class ChangeLog(Repository):
    """Reading the log."""

    def changes_since(self, token: int, *, limit: int = 1000) -> list[Change]:
        """Up to ``limit`` changes of all catalogues with numbers above ``token``, in the order they were committed."""
        query = select(changes).where(changes.c.token > token).order_by(changes.c.token).limit(limit)
        with self._database.read() as connection:
            return [
                Change(row.token, row.catalog_id, ChangeKind(row.kind), row.key) for row in connection.execute(query)
            ]

    def last_token(self) -> int:
        """The number of the last committed change, 0 in a new database."""
        with self._database.read() as connection:
            return last_token(connection)


def record(connection: Connection, catalog_id: str, kind: ChangeKind, keys: Sequence[str]) -> int:
    """Append one change a key inside a write transaction; the number of the last change."""
    if keys:
        rows = [{"catalog_id": catalog_id, "kind": kind.value, "key": key} for key in keys]
        connection.execute(insert(changes), rows)
    return last_token(connection)


def last_token(connection: Connection) -> int:
    """The greatest change number this transaction sees."""
    return connection.execute(select(func.max(changes.c.token))).scalar() or 0

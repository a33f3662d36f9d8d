"""The numbered log of everything that was committed: how other processes follow, and what a write token is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, insert, select

from firstlight.store.records import Change, ChangeKind
from firstlight.store.repository import Repository, insert_rows
from firstlight.store.tables import changes

_KINDS = {kind.value: kind for kind in ChangeKind}
_INSERT = insert(changes).values({name: bindparam(name) for name in ("catalog_id", "kind", "key")})


class ChangeLog(Repository):
    """Reading the log."""

    def changes_since(self, token: int, *, limit: int = 1000) -> list[Change]:
        """Up to ``limit`` changes of all catalogues with numbers above ``token``, in the order they were committed."""
        query = select(changes).where(changes.c.token > token).order_by(changes.c.token).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Change(token, catalog_id, _KINDS[kind], key) for token, catalog_id, kind, key in rows]

    def last_token(self) -> int:
        """The number of the last committed change, 0 in a new database."""
        with self._database.read() as connection:
            return last_token(connection)


def record(connection: Connection, catalog_id: str, kind: ChangeKind, keys: Sequence[str]) -> int:
    """Append one change a key inside a write transaction; the number of the last change."""
    value = kind.value
    insert_rows(connection, _INSERT, [(catalog_id, value, key) for key in keys])
    return last_token(connection)


def last_token(connection: Connection) -> int:
    """The greatest change number this transaction sees."""
    return connection.execute(select(func.max(changes.c.token))).scalar() or 0

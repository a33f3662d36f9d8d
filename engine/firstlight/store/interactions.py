"""Interactions: written once however often they arrive."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from firstlight.domain import Interaction, id_order
from firstlight.errors import ConflictError
from firstlight.store.changes import last_token, record
from firstlight.store.database import now_us
from firstlight.store.entities import ITEMS, USERS, add_missing
from firstlight.store.records import ChangeKind, WriteResult
from firstlight.store.repository import Repository, ensure_catalog, rows_in
from firstlight.store.tables import interactions, requests

REQUEST_WINDOW_HOURS = 24
"""How long a ``request_id`` is remembered."""

Values = tuple[str, str, str, float | None, int | None, str, str]
"""The columns of an interaction after its key."""

_COLUMNS = ("user_id", "item_id", "type", "value", "time_us", "interaction_id", "attribution_token")


class Interactions(Repository):
    """Reading and writing interactions."""

    def write_interactions(self, catalog_id: str, batch: Sequence[Interaction], *, request_id: str = "") -> WriteResult:
        """Write a batch in one transaction, durable on return.

        An interaction's identity is its ``interaction_id``, else (user, item, type, time); one that is stored already
        replaces the old one, or counts as unchanged where they are equal. Without a time there is one interaction
        of a type between a user and an item: the last. Users and items it names are made where they do not exist.
        A ``request_id`` seen in the last 24 hours returns the first answer and writes nothing.

        Raises:
            ConflictError: the ``request_id`` came with another body in the last 24 hours.
        """
        wanted = {_key(one): _values(one) for one in batch}
        digest = _digest(batch) if request_id else b""
        with self._database.write() as connection:
            if request_id and (earlier := _earlier(connection, catalog_id, request_id, digest)):
                return earlier
            ensure_catalog(connection, catalog_id)
            token, written = _write(connection, catalog_id, wanted)
            result = WriteResult(token, written, len(batch) - written)
            if request_id:
                _remember(connection, catalog_id, request_id, digest, result)
            return result

    def list_interactions(self, catalog_id: str, user_id: str, *, limit: int = 1000) -> list[Interaction]:
        """The newest ``limit`` interactions of a user, newest last: those without a time first, ties by item id."""
        query = (
            select(*(interactions.c[name] for name in _COLUMNS))
            .where(interactions.c.catalog_id == catalog_id, interactions.c.user_id == user_id)
            .order_by(interactions.c.time_us.desc().nulls_last(), interactions.c.item_id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            found = [Interaction(**row._mapping) for row in connection.execute(query)]
        # A stable sort by time of what is already in the order of ids.
        in_order = [found[n] for n in id_order([one.item_id for one in found])]
        return sorted(in_order, key=lambda one: one.time_us or 0)

    def interactions_with(
        self, catalog_id: str, item_ids: Collection[str], *, limit: int, user_ids: Collection[str] | None = None
    ) -> list[Interaction]:
        """The newest interaction of each user with each of ``item_ids``, of each item those of its newest ``limit``.

        Newest first for each item, ties by user id. ``user_ids``: of these users alone, which an index finds; without
        them all interactions of the catalogue are looked through. Both at most :data:`PARAMETERS` long.
        """
        columns: list[ColumnElement[Any]] = [interactions.c[name] for name in _COLUMNS]
        one_a_user = _numbered(columns, (interactions.c.item_id, interactions.c.user_id), interactions.c.key.desc())
        one_a_user = one_a_user.where(interactions.c.catalog_id == catalog_id, interactions.c.item_id.in_(item_ids))
        if user_ids is not None:
            one_a_user = one_a_user.where(interactions.c.user_id.in_(user_ids))
        first = one_a_user.subquery()
        columns = [first.c[name] for name in _COLUMNS]
        newest = _numbered(columns, (first.c.item_id,), first.c.user_id.desc()).where(first.c.number == 1).subquery()
        query = select(*(newest.c[name] for name in _COLUMNS)).where(newest.c.number <= limit)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(newest.c.item_id, newest.c.number))
            return [Interaction(**row._mapping) for row in rows]

    def recent_users(self, catalog_id: str, limit: int) -> list[str]:
        """Up to ``limit`` ids of users who interacted, those with the newest interaction first."""
        newest = func.max(interactions.c.time_us)
        query = (
            select(interactions.c.user_id)
            .where(interactions.c.catalog_id == catalog_id)
            .group_by(interactions.c.user_id)
            .order_by(newest.desc().nulls_last(), interactions.c.user_id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def count_interactions(self, catalog_id: str) -> int:
        """How many interactions are stored, those with deleted items included."""
        query = select(func.count()).select_from(interactions).where(interactions.c.catalog_id == catalog_id)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()


def _numbered(
    columns: Sequence[ColumnElement[Any]], within: Sequence[ColumnElement[Any]], ties: ColumnElement[Any]
) -> Select[Any]:
    """``columns`` and ``number``: 1 for the newest row of each combination of ``within``, 2 for the next, ..."""
    time_us = next(column for column in columns if column.key == "time_us")
    number = func.row_number().over(partition_by=within, order_by=(time_us.desc().nulls_last(), ties))
    return select(*columns, number.label("number"))


def _write(connection: Connection, catalog_id: str, wanted: dict[bytes, Values]) -> tuple[int, int]:
    """The last token, and how many rows are new or changed."""
    # Sorted, not as a set: the log of changes is the same for the same writes.
    add_missing(connection, USERS, catalog_id, sorted({values[0] for values in wanted.values()}))
    add_missing(connection, ITEMS, catalog_id, sorted({values[1] for values in wanted.values()}))
    query = select(interactions.c.key, *(interactions.c[name] for name in _COLUMNS))
    query = query.where(interactions.c.catalog_id == catalog_id)
    stored: dict[bytes, tuple[Any, ...]] = {
        row[0]: tuple(row[1:]) for row in rows_in(connection, query, interactions.c.key, wanted)
    }
    changed = {key: values for key, values in wanted.items() if stored.get(key) != values}
    if not changed:
        return last_token(connection), 0
    _put(connection, catalog_id, changed)
    # An interaction with a given id may move from one user to another: both have changed.
    touched = {values[0] for values in changed.values()} | {stored[key][0] for key in changed if key in stored}
    return record(connection, catalog_id, ChangeKind.INTERACTION, sorted(touched)), len(changed)


def _put(connection: Connection, catalog_id: str, changed: dict[bytes, Values]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(interactions)
    statement = statement.on_conflict_do_update(
        index_elements=["catalog_id", "key"], set_={name: statement.excluded[name] for name in _COLUMNS}
    )
    rows: list[dict[str, Any]] = [
        {"catalog_id": catalog_id, "key": key, **dict(zip(_COLUMNS, values, strict=True))}
        for key, values in changed.items()
    ]
    connection.execute(statement, rows)


def _values(one: Interaction) -> Values:
    return (one.user_id, one.item_id, one.type, one.value, one.time_us, one.interaction_id, one.attribution_token)


def _key(one: Interaction) -> bytes:
    """16 bytes that stand for the identity; the parts cannot run together, as ids hold no control characters."""
    if one.interaction_id:
        identity = one.interaction_id
    else:
        identity = f"{one.user_id}\n{one.item_id}\n{one.type}\n{'' if one.time_us is None else one.time_us}"
    return blake2b(identity.encode(), digest_size=16).digest()


def _digest(batch: Iterable[Interaction]) -> bytes:
    whole = blake2b(digest_size=16)
    for one in batch:
        whole.update(repr(_values(one)).encode())
    return whole.digest()


def _earlier(connection: Connection, catalog_id: str, request_id: str, digest: bytes) -> WriteResult | None:
    """The answer to the same request, if it came within the window; requests before the window are forgotten."""
    oldest = now_us() - REQUEST_WINDOW_HOURS * 3600 * 1_000_000
    connection.execute(delete(requests).where(requests.c.created_us < oldest))
    query = select(requests).where(requests.c.catalog_id == catalog_id, requests.c.request_id == request_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if row.digest != digest:
        raise ConflictError(
            f"request_id {request_id!r} was used in the last {REQUEST_WINDOW_HOURS} hours with another body",
            metadata={"request_id": request_id},
        )
    return WriteResult(row.token, row.written, row.unchanged)


def _remember(connection: Connection, catalog_id: str, request_id: str, digest: bytes, result: WriteResult) -> None:
    row = {
        "catalog_id": catalog_id,
        "request_id": request_id,
        "digest": digest,
        "token": result.write_token,
        "written": result.written,
        "unchanged": result.unchanged,
        "created_us": now_us(),
    }
    connection.execute(insert(requests), row)

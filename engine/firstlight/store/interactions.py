"""Interactions: written once however often they arrive."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from firstlight.domain import Interaction, id_order
from firstlight.errors import ConflictError
from firstlight.store.identity import COLUMNS
from firstlight.store.records import InteractionWrite, WriteResult
from firstlight.store.repository import Repository
from firstlight.store.requests import Outcome
from firstlight.store.tables import interactions
from firstlight.store.writing import write_all


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
        (result,) = self.write_together([InteractionWrite(catalog_id, batch, request_id)])
        if isinstance(result, ConflictError):
            raise result
        return result

    def write_together(self, writes: Sequence[InteractionWrite]) -> list[Outcome]:
        """Several of the above as if one after another, in one transaction: waiting for the disk takes most of it.

        One that cannot be has its error in place of a result and writes nothing; the others are written.
        """
        with self._database.write() as connection:
            return write_all(connection, writes)

    def list_interactions(self, catalog_id: str, user_id: str, *, limit: int = 1000) -> list[Interaction]:
        """The newest ``limit`` interactions of a user, newest last: those without a time first, ties by item id."""
        query = (
            select(*(interactions.c[name] for name in COLUMNS))
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
        self, catalog_id: str, item_ids: Collection[str], user_ids: Collection[str], *, limit: int
    ) -> list[Interaction]:
        """The newest interaction of each of ``user_ids`` with each of ``item_ids``; of an item its newest ``limit``.

        Newest first for each item, ties by user id. Both at most :data:`PARAMETERS` long.
        """
        columns: list[ColumnElement[Any]] = [interactions.c[name] for name in COLUMNS]
        one_a_user = _numbered(columns, (interactions.c.item_id, interactions.c.user_id), interactions.c.key.desc())
        one_a_user = one_a_user.where(
            interactions.c.catalog_id == catalog_id,
            interactions.c.user_id.in_(user_ids),
            interactions.c.item_id.in_(item_ids),
        )
        first = one_a_user.subquery()
        columns = [first.c[name] for name in COLUMNS]
        newest = _numbered(columns, (first.c.item_id,), first.c.user_id.desc()).where(first.c.number == 1).subquery()
        query = select(*(newest.c[name] for name in COLUMNS)).where(newest.c.number <= limit)
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

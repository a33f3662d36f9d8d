"""Items and users: the same table twice, under two names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, Connection, Insert, Table, bindparam, delete, func, insert, select, update

from firstlight.domain import Attributes, Item, User
from firstlight.store import tables
from firstlight.store.changes import last_token, record
from firstlight.store.codec import decode, encode
from firstlight.store.records import ChangeKind
from firstlight.store.repository import Repository, ensure_catalog, insert_rows, missing, rows_in, slices

E = TypeVar("E", Item, User)


@dataclass(frozen=True)
class EntityKind(Generic[E]):
    """What distinguishes items from users."""

    table: Table
    key: Column[str]
    build: Callable[[str, Attributes], E]
    id_of: Callable[[E], str]
    changed: ChangeKind
    deleted: ChangeKind

    @cached_property
    def insertion(self) -> Insert:
        """The statement for :func:`insert_rows`."""
        return insert(self.table)


ITEMS: EntityKind[Item] = EntityKind(
    tables.items, tables.items.c.item_id, Item, lambda item: item.item_id, ChangeKind.ITEM, ChangeKind.ITEM_DELETED
)
USERS: EntityKind[User] = EntityKind(
    tables.users, tables.users.c.user_id, User, lambda user: user.user_id, ChangeKind.USER, ChangeKind.USER_DELETED
)


class Entities(Repository):
    """Reading and writing items and users. An upsert replaces all attributes of what it names."""

    def upsert_items(self, catalog_id: str, items: Sequence[Item]) -> int:
        """Write items in one transaction, the last of equal ids winning; the write token.

        Items that are there with equal attributes are left alone: they are no change.
        """
        return self._upsert(ITEMS, catalog_id, items)

    def upsert_users(self, catalog_id: str, users: Sequence[User]) -> int:
        """Write users: as :meth:`upsert_items`."""
        return self._upsert(USERS, catalog_id, users)

    def get_items(self, catalog_id: str, item_ids: Collection[str]) -> dict[str, Item]:
        """The items that exist among ``item_ids``, by id."""
        return self._get(ITEMS, catalog_id, item_ids)

    def get_users(self, catalog_id: str, user_ids: Collection[str]) -> dict[str, User]:
        """The users that exist among ``user_ids``, by id."""
        return self._get(USERS, catalog_id, user_ids)

    def list_items(self, catalog_id: str, *, limit: int, after: str = "") -> list[Item]:
        """Up to ``limit`` items with ids greater than ``after``, by id, compared byte by byte."""
        return self._list(ITEMS, catalog_id, limit, after)

    def list_users(self, catalog_id: str, *, limit: int, after: str = "") -> list[User]:
        """Up to ``limit`` users with ids greater than ``after``, by id, compared byte by byte."""
        return self._list(USERS, catalog_id, limit, after)

    def delete_items(self, catalog_id: str, item_ids: Collection[str]) -> int:
        """Delete the items that exist among ``item_ids``; the write token.

        Their interactions stay stored but are in no dataset, until an item of that id comes back.
        """
        return self._delete(ITEMS, catalog_id, item_ids)

    def delete_users(self, catalog_id: str, user_ids: Collection[str]) -> int:
        """Delete the users that exist among ``user_ids`` **and all their interactions**; the write token."""
        return self._delete(USERS, catalog_id, user_ids)

    def count_items(self, catalog_id: str) -> int:
        """How many items there are."""
        return self._count(ITEMS, catalog_id)

    def count_users(self, catalog_id: str) -> int:
        """How many users there are."""
        return self._count(USERS, catalog_id)

    def items_changed_since(self, catalog_id: str, token: int) -> list[Item]:
        """Items written after change ``token``, oldest change first: the live items of a bundle's ``dataset_token``."""
        items = tables.items
        query = select(items).where(items.c.catalog_id == catalog_id, items.c.token > token)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(items.c.token, items.c.item_id))
            return [Item(row.item_id, decode(row.attributes)) for row in rows]

    def _upsert(self, kind: EntityKind[E], catalog_id: str, entities: Sequence[E]) -> int:
        wanted = {kind.id_of(entity): encode(entity.attributes) for entity in entities}
        with self._database.write() as connection:
            ensure_catalog(connection, catalog_id)
            stored = _stored(connection, kind, catalog_id, wanted)
            changed = {key: text for key, text in wanted.items() if stored.get(key) != text}
            return _put(connection, kind, catalog_id, changed, stored)

    def _get(self, kind: EntityKind[E], catalog_id: str, ids: Collection[str]) -> dict[str, E]:
        with self._database.read() as connection:
            found = _stored(connection, kind, catalog_id, ids)
        return {key: kind.build(key, decode(text)) for key, text in found.items()}

    def _list(self, kind: EntityKind[E], catalog_id: str, limit: int, after: str) -> list[E]:
        query = select(kind.key, kind.table.c.attributes).where(kind.table.c.catalog_id == catalog_id, kind.key > after)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(kind.key).limit(limit))
            return [kind.build(key, decode(text)) for key, text in rows]

    def _delete(self, kind: EntityKind[E], catalog_id: str, ids: Collection[str]) -> int:
        with self._database.write() as connection:
            found = list(_stored(connection, kind, catalog_id, ids))
            for part in slices(found):
                connection.execute(delete(kind.table).where(kind.table.c.catalog_id == catalog_id, kind.key.in_(part)))
            return record(connection, catalog_id, kind.deleted, found)

    def _count(self, kind: EntityKind[E], catalog_id: str) -> int:
        query = select(func.count()).select_from(kind.table).where(kind.table.c.catalog_id == catalog_id)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()


def add_missing(connection: Connection, kind: EntityKind[Any], catalog_id: str, ids: Collection[str]) -> int:
    """Add those of ``ids`` that do not exist, without attributes, inside a write transaction; the last token."""
    new = missing(connection, catalog_id, kind.key, ids)
    return _put(connection, kind, catalog_id, dict.fromkeys(new, "{}"), ())


def _put(
    connection: Connection, kind: EntityKind[Any], catalog_id: str, texts: dict[str, str], stored: Collection[str]
) -> int:
    if not texts:
        return last_token(connection)
    token = record(connection, catalog_id, kind.changed, list(texts))
    new = [(catalog_id, key, text, token) for key, text in texts.items() if key not in stored]
    insert_rows(connection, kind.insertion, new)
    old = [{"id": key, "text": text} for key, text in texts.items() if key in stored]
    if old:
        same = (kind.table.c.catalog_id == catalog_id, kind.key == bindparam("id"))
        connection.execute(update(kind.table).where(*same).values(attributes=bindparam("text"), token=token), old)
    return token


def _stored(connection: Connection, kind: EntityKind[Any], catalog_id: str, ids: Collection[str]) -> dict[str, str]:
    return dict(tuple(row) for row in rows_in(connection, catalog_id, (kind.key, kind.table.c.attributes), ids))

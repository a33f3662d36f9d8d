"""What all parts of the store share."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select
from sqlalchemy.dialects import postgresql, sqlite

from firstlight.domain.values import EPOCH
from firstlight.store.database import Database, now_us
from firstlight.store.tables import catalogs

PARAMETERS = 5000
"""Values in one IN clause; databases bound the parameters of a statement (PostgreSQL: 65,535)."""

T = TypeVar("T")


class Repository:
    """A part of the store: methods on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database


def slices(values: Sequence[T], size: int = PARAMETERS) -> Iterator[Sequence[T]]:
    """``values`` in order, at most ``size`` at a time."""
    return (values[start : start + size] for start in range(0, len(values), size))


def rows_in(
    connection: Connection, query: Select[Any], column: ColumnElement[Any], values: Collection[Any]
) -> Iterator[Row[Any]]:
    """The rows of ``query`` where ``column`` is one of ``values``, however many."""
    for part in slices(list(values)):
        yield from connection.execute(query.where(column.in_(part)))


def ensure_catalog(connection: Connection, catalog_id: str) -> None:
    """Make the catalogue where it does not exist: every write may be the first."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"catalog_id": catalog_id, "created_us": now_us()}
    connection.execute(dialect.insert(catalogs).values(row).on_conflict_do_nothing())


def at(microseconds: int) -> datetime:
    """The time, in UTC, that many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=microseconds)

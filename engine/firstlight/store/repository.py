"""What all parts of the store share."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Dialect, Insert, Row
from sqlalchemy.dialects import postgresql, sqlite

from firstlight.domain.values import EPOCH
from firstlight.store.database import Database, now_us
from firstlight.store.tables import catalogs

PARAMETERS = 5000
"""Values in one IN clause; databases bound the parameters of a statement (PostgreSQL: 65,535)."""

ROWS_TOGETHER = 50
"""Rows in one INSERT."""

_MARKS = {"qmark": "?", "format": "%s"}

T = TypeVar("T")


class Repository:
    """A part of the store: methods on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database


def slices(values: Sequence[T], size: int = PARAMETERS) -> Iterator[Sequence[T]]:
    """``values`` in order, at most ``size`` at a time."""
    return (values[start : start + size] for start in range(0, len(values), size))


def rows_in(
    connection: Connection, catalog_id: str, columns: Sequence[Column[Any]], values: Collection[Any]
) -> Iterator[Row[Any]]:
    """``columns`` of those rows of a catalogue whose first column is one of ``values``, however many.

    Like :func:`insert_rows` in the driver's terms: to SQLAlchemy each value is a parameter with a name and a type.
    """
    first, mark = columns[0], _MARKS[connection.dialect.paramstyle]
    select = f"SELECT {', '.join(map(str, columns))} FROM {first.table} WHERE {first.table}.catalog_id = {mark}"
    for part in slices(list(values)):
        marks = ", ".join([mark] * len(part))
        yield from connection.exec_driver_sql(f"{select} AND {first} IN ({marks})", (catalog_id, *part)).all()


def missing(connection: Connection, catalog_id: str, column: Column[Any], values: Collection[Any]) -> list[Any]:
    """Those of ``values`` that ``column`` has in no row of a catalogue."""
    found: list[Any] = []
    mark = _MARKS[connection.dialect.paramstyle]
    stored = f"SELECT 1 FROM {column.table} WHERE {column.table}.catalog_id = {mark} AND {column} = value"
    for part in slices(list(values)):
        marks = ", ".join([f"({mark})"] * len(part))
        query = f"WITH wanted (value) AS (VALUES {marks}) SELECT value FROM wanted WHERE NOT EXISTS ({stored})"
        found += connection.exec_driver_sql(query, (*part, catalog_id)).scalars()
    return found


def insert_rows(connection: Connection, statement: Insert, rows: Sequence[tuple[Any, ...]]) -> None:
    """Execute ``statement`` for each of ``rows``: tuples of the values it names, in the order of the table's columns.

    They go to the driver as they are; what SQLAlchemy does for each row would take longer than the database does. And
    they go many at a time: after each step of SQLite a thread waits until others let it go on.
    """
    whole = len(rows) - len(rows) % ROWS_TOGETHER
    for part in slices(rows[:whole], ROWS_TOGETHER):
        text = _text(statement, connection.dialect, ROWS_TOGETHER)
        connection.exec_driver_sql(text, tuple(chain.from_iterable(part)))
    if whole < len(rows):
        connection.exec_driver_sql(_text(statement, connection.dialect, 1), list(rows[whole:]))


@lru_cache
def _text(statement: Insert, dialect: Dialect, rows: int) -> str:
    text = str(statement.inline().compile(dialect=dialect))
    head, _, rest = text.partition(" VALUES ")
    values, end, tail = rest.partition(")")
    return f"{head} VALUES {', '.join([values + end] * rows)}{tail}"


def ensure_catalog(connection: Connection, catalog_id: str) -> None:
    """Make the catalogue where it does not exist: every write may be the first."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"catalog_id": catalog_id, "created_us": now_us()}
    connection.execute(dialect.insert(catalogs).values(row).on_conflict_do_nothing())


def at(microseconds: int) -> datetime:
    """The time, in UTC, that many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=microseconds)

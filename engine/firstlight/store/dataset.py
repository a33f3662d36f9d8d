"""A whole catalogue as the arrays a training run reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from firstlight.domain import Attribute, Attributes, AttributeValue, Dataset, Histories, Schema, id_order
from firstlight.domain.inference import infer_attribute, infer_positive_value
from firstlight.domain.values import convert
from firstlight.errors import InvalidInputError, PreconditionError, Reason
from firstlight.store.codec import decode
from firstlight.store.entities import ITEMS, USERS, EntityKind
from firstlight.store.repository import Repository
from firstlight.store.tables import catalogs, interactions

_PART = 50_000


class Datasets(Repository):
    """Reading datasets."""

    def load_dataset(self, catalog_id: str, schema: Schema | None = None) -> Dataset:
        """All users, all items and the interactions between them, from one state of the database.

        ``schema``: the catalogue's by default. It is completed from what is stored: attributes it does not name are
        inferred (so a catalogue that was only written to, never imported, can be trained), types are added, and the
        positive value is inferred where it knew of no values. Attributes are converted by kind; a value that cannot be
        of its kind is left out. Interactions with deleted items are left out.

        Raises:
            PreconditionError: EMPTY_CATALOG: there are no items, or no interactions with any of them.
        """
        with self._database.read() as connection:
            if schema is None:
                text = connection.execute(select(catalogs.c.schema).where(catalogs.c.catalog_id == catalog_id)).scalar()
                schema = Schema.from_json(json.loads(text)) if text else Schema()
            item_ids, item_rows = _entities(connection, ITEMS, catalog_id)
            user_ids, user_rows = _entities(connection, USERS, catalog_id)
            events = _events(connection, catalog_id, user_ids, item_ids, schema.types)
        if not item_ids or not len(events.users):
            what = "interactions with its items" if item_ids else "items"
            raise PreconditionError(
                f"catalogue {catalog_id!r} has no {what}: run `firstlight import` first", reason=Reason.EMPTY_CATALOG
            )
        schema = _complete(schema, events, user_rows, item_rows)
        return Dataset(
            schema=schema,
            user_ids=tuple(user_ids),
            item_ids=tuple(item_ids),
            user_attributes=tuple(_converted(row, schema.users) for row in user_rows),
            item_attributes=tuple(_converted(row, schema.items) for row in item_rows),
            histories=events.histories(len(user_ids)),
        )


@dataclass(frozen=True)
class _Events:
    """Flat, unordered interactions; NaN is no value, time 0 no time unless ``has_times`` counts it."""

    users: NDArray[np.int64]
    items: NDArray[np.int32]
    values: NDArray[np.float32]
    types: NDArray[np.int16]
    times: NDArray[np.int64]
    has_times: bool
    type_names: tuple[str, ...]

    def histories(self, size: int) -> Histories:
        return Histories.from_events(self.users, self.items, self.values, self.types, self.times, size=size)


def _entities(
    connection: Connection, kind: EntityKind[Any], catalog_id: str
) -> tuple[list[str], list[dict[str, AttributeValue]]]:
    """Ids in :func:`id_order`, and their attributes."""
    query = select(kind.key, kind.table.c.attributes).where(kind.table.c.catalog_id == catalog_id)
    rows = connection.execute(query).all()
    order = id_order([row[0] for row in rows])
    return [rows[n][0] for n in order], [decode(rows[n][1]) for n in order]


def _events(
    connection: Connection, catalog_id: str, user_ids: Sequence[str], item_ids: Sequence[str], types: Sequence[str]
) -> _Events:
    types = _all_types(connection, catalog_id, types)
    user_rows = {user_id: n for n, user_id in enumerate(user_ids)}
    positions = {item_id: n for n, item_id in enumerate(item_ids)}
    type_codes = {name: n for n, name in enumerate(types)}
    c = interactions.c
    query = select(c.user_id, c.item_id, c.value, c.type, c.time_us).where(c.catalog_id == catalog_id)
    parts = [
        (
            np.zeros(0, np.int64),
            np.zeros(0, np.int32),
            np.zeros(0, np.float32),
            np.zeros(0, np.int16),
            np.zeros(0, np.int64),
        )
    ]
    has_times = False
    # Part by part, so that a large catalogue is never held as Python objects.
    for rows in connection.execution_options(yield_per=_PART).execute(query).partitions():
        user, item, value, name, time = zip(*rows, strict=True)
        has_times = has_times or any(t is not None for t in time)
        parts.append(
            (
                np.array([user_rows[u] for u in user], np.int64),
                np.array([positions.get(i, -1) for i in item], np.int32),
                np.array(value, np.float32),  # None becomes NaN
                np.array([type_codes[n] for n in name], np.int16),
                np.array([t or 0 for t in time], np.int64),
            )
        )
    users, items, values, codes, times = map(np.concatenate, zip(*parts, strict=True))
    known = np.flatnonzero(items >= 0)
    # The database promises no order: of one user, item and time, order by type and value.
    known = known[np.lexsort((values[known], codes[known]))]
    return _Events(users[known], items[known], values[known], codes[known], times[known], has_times, tuple(types))


def _all_types(connection: Connection, catalog_id: str, types: Sequence[str]) -> Sequence[str]:
    """``types``, and those that are stored besides, in order."""
    query = select(interactions.c.type).where(interactions.c.catalog_id == catalog_id).distinct()
    return [*types, *sorted(set(connection.execute(query).scalars()) - set(types))]


def _complete(schema: Schema, events: _Events, users: Sequence[Attributes], items: Sequence[Attributes]) -> Schema:
    values = events.values[np.isfinite(events.values)]
    positive = schema.positive_value
    if len(values) and not schema.has_values:
        positive, _ = infer_positive_value(values.tolist())
    return replace(
        schema,
        users=_with_unknown(schema.users, users),
        items=_with_unknown(schema.items, items),
        has_values=bool(len(values)),
        has_times=events.has_times,
        types=events.type_names,
        positive_value=positive,
    )


def _with_unknown(known: Sequence[Attribute], rows: Sequence[Attributes]) -> tuple[Attribute, ...]:
    """``known``, and what the rows' further attributes seem to be, by name."""
    names = {attribute.name for attribute in known}
    found: dict[str, list[AttributeValue]] = {}
    for row in rows:
        for name in row.keys() - names:
            if row[name] not in ("", ()):
                found.setdefault(name, []).append(row[name])
    return (*known, *(infer_attribute(name, found[name]) for name in sorted(found)))


def _converted(row: Attributes, schema: Sequence[Attribute]) -> dict[str, AttributeValue]:
    out: dict[str, AttributeValue] = {}
    for attribute in schema:
        try:
            value = convert(row.get(attribute.name), attribute)
        except InvalidInputError:
            continue
        if value is not None:
            out[attribute.name] = value
    return out

"""Several writes of interactions in one transaction, each with an outcome of its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from firstlight.domain import Interaction
from firstlight.store.changes import record
from firstlight.store.entities import ITEMS, USERS, add_missing
from firstlight.store.identity import COLUMNS, Values, key_of, values_of
from firstlight.store.records import ChangeKind, InteractionWrite, WriteResult
from firstlight.store.repository import ensure_catalog, insert_rows, rows_in
from firstlight.store.requests import Outcome, answered, remember
from firstlight.store.tables import interactions


def _upsert(insert: Any) -> Any:
    statement = insert(interactions)
    new = {name: statement.excluded[name] for name in COLUMNS}
    return statement.on_conflict_do_update(index_elements=["catalog_id", "key"], set_=new)


_UPSERT = {"sqlite": _upsert(sqlite.insert), "postgresql": _upsert(postgresql.insert)}


def write_all(connection: Connection, writes: Sequence[InteractionWrite]) -> list[Outcome]:
    """The outcome of each of ``writes``, as if one came after another; all of them get the same token."""
    outcomes: dict[int, Outcome] = {}
    # A request that came twice is left for a second part, which finds what the first one was answered.
    earlier: Counter[tuple[str, str]] = Counter()
    parts: dict[tuple[str, int], list[int]] = defaultdict(list)
    for n, write in enumerate(writes):
        parts[write.catalog_id, earlier[write.catalog_id, write.request_id]].append(n)
        earlier[write.catalog_id, write.request_id] += bool(write.request_id)
    for (catalog_id, _), part in parts.items():
        outcomes |= zip(part, _write(connection, catalog_id, [writes[n] for n in part]), strict=True)
    return [outcomes[n] for n in range(len(writes))]


def _write(connection: Connection, catalog_id: str, writes: Sequence[InteractionWrite]) -> list[Outcome]:
    """The outcomes of writes to one catalogue, no two of them with the same ``request_id``."""
    ensure_catalog(connection, catalog_id)
    before = answered(connection, catalog_id, writes)
    new = [write for write in writes if write.request_id not in before]
    token, counts = _put(connection, catalog_id, [write.batch for write in new])
    results = [WriteResult(token, count, len(one.batch) - count) for one, count in zip(new, counts, strict=True)]
    remember(connection, zip(new, results, strict=True))
    rest = iter(results)
    return [before.get(write.request_id) or next(rest) for write in writes]


def _put(connection: Connection, catalog_id: str, batches: Sequence[Sequence[Interaction]]) -> tuple[int, list[int]]:
    """Write what is new or changed; the last token, and how many these are in each batch."""
    wanted = [{key_of(one): values_of(one) for one in batch} for batch in batches]
    # Sorted, not as a set: the log of changes is the same for the same writes.
    add_missing(connection, USERS, catalog_id, sorted({values[0] for rows in wanted for values in rows.values()}))
    add_missing(connection, ITEMS, catalog_id, sorted({values[1] for rows in wanted for values in rows.values()}))
    stored = _stored(connection, catalog_id, {key for rows in wanted for key in rows})
    changed: dict[bytes, Values] = {}
    touched: set[str] = set()
    counts = []
    for rows in wanted:
        new = {key: values for key, values in rows.items() if stored.get(key) != values}
        # An interaction with a given id may move from one user to another: both have changed.
        touched.update(values[0] for values in new.values())
        touched.update(stored[key][0] for key in new if key in stored)
        stored |= new
        changed |= new
        counts.append(len(new))
    # By key: neighbours in the index are written together.
    in_order = [(catalog_id, key, *changed[key]) for key in sorted(changed)]
    insert_rows(connection, _UPSERT[connection.dialect.name], in_order)
    return record(connection, catalog_id, ChangeKind.INTERACTION, sorted(touched)), counts


def _stored(connection: Connection, catalog_id: str, keys: Collection[bytes]) -> dict[bytes, Values]:
    columns = [interactions.c[name] for name in ("key", *COLUMNS)]
    rows = rows_in(connection, catalog_id, columns, sorted(keys))
    return {row[0]: tuple(row[1:]) for row in rows}  # type: ignore[misc]  # in the order of COLUMNS

"""Write requests by their ids: a request that is repeated gets the first answer, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from sqlalchemy import Connection, delete, insert

from firstlight.errors import ConflictError
from firstlight.store.database import now_us
from firstlight.store.identity import values_of
from firstlight.store.records import InteractionWrite, WriteResult
from firstlight.store.repository import insert_rows, rows_in
from firstlight.store.tables import requests

REQUEST_WINDOW_HOURS = 24
"""How long a ``request_id`` is remembered."""

Outcome = WriteResult | ConflictError
"""What one write comes to."""

_INSERT = insert(requests)


def answered(connection: Connection, catalog_id: str, writes: Iterable[InteractionWrite]) -> dict[str, Outcome]:
    """What those of ``writes`` get that came within the window; requests before the window are forgotten."""
    wanted = {write.request_id: write for write in writes if write.request_id}
    if not wanted:
        return {}
    oldest = now_us() - REQUEST_WINDOW_HOURS * 3600 * 1_000_000
    connection.execute(delete(requests).where(requests.c.created_us < oldest))
    columns = [requests.c[name] for name in ("request_id", "digest", "token", "written", "unchanged")]
    return {
        row.request_id: WriteResult(row.token, row.written, row.unchanged)
        if row.digest == _digest(wanted[row.request_id])
        else _conflict(row.request_id)
        for row in rows_in(connection, catalog_id, columns, wanted)
    }


def remember(connection: Connection, results: Iterable[tuple[InteractionWrite, WriteResult]]) -> None:
    """Keep what the writes that have a ``request_id`` were answered."""
    now = now_us()
    rows = [
        (one.catalog_id, one.request_id, _digest(one), result.write_token, result.written, result.unchanged, now)
        for one, result in results
        if one.request_id
    ]
    insert_rows(connection, _INSERT, rows)


def _digest(write: InteractionWrite) -> bytes:
    whole = blake2b(digest_size=16)
    for one in write.batch:
        whole.update(repr(values_of(one)).encode())
    return whole.digest()


def _conflict(request_id: str) -> ConflictError:
    return ConflictError(
        f"request_id {request_id!r} was used in the last {REQUEST_WINDOW_HOURS} hours with another body",
        metadata={"request_id": request_id},
    )

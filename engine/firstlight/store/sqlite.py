"""What SQLite leaves to those who share one file: the settings of a connection, turns at writing, and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from firstlight.store.checkpoints import Checkpoints
from firstlight.store.locking import only_writer

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "wal_autocheckpoint=0",  # see :mod:`firstlight.store.checkpoints`
)
_WRITING = (
    # What one transaction changes stays in memory until its commit, and so does what undoes a statement of many rows.
    "cache_size=-32768",  # KiB: 5,000 interactions of as many users change as many pages of an index
    "temp_store=MEMORY",
)


def configure(engine: Engine, *, writes: bool) -> None:
    """Prepare the connections of ``engine``, and let its transactions begin as readers or as writers do."""
    pragmas = (*_PRAGMAS, *(_WRITING if writes else ()))
    # A writer locks at once: a reader that turns into a writer may find that the database has moved on, and fail.
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


class SharedFile:
    """A database file that several processes write to, each of them for ``timeout_s`` seconds patient."""

    def __init__(self, engine: Engine, timeout_s: float) -> None:
        self._engine = engine
        self._timeout_s = timeout_s
        self._checkpoints: Checkpoints | None = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process writes. A process that has written also makes checkpoints."""
        assert self._engine.url.database is not None
        with only_writer(Path(self._engine.url.database), timeout_s=self._timeout_s):
            yield
            self._checkpoints = self._checkpoints or Checkpoints(self._engine, self.alone)

    def close(self) -> None:
        """Make no more checkpoints."""
        if self._checkpoints:
            self._checkpoints.stop()

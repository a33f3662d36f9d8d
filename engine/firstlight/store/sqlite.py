"""What SQLite leaves to those who share one file: the settings of a connection, turns at writing, and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from firstlight.store.checkpoints import Checkpoints
from firstlight.store.locking import only_writer

WRITES = {"firstlight_writes": True}
"""Execution options of a connection that is going to write."""

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "wal_autocheckpoint=0",  # see :mod:`firstlight.store.checkpoints`
    "cache_size=-16384",  # KiB: what one transaction changes stays in memory until its commit
)


def configure(connection: Any, _record: object) -> None:
    """Prepare a new connection of the driver."""
    connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def begin(connection: Connection) -> None:
    """Begin a transaction."""
    # A writer locks at once: a reader that turns into a writer may find that the database has moved on, and fail.
    writes = connection.get_execution_options().get(next(iter(WRITES)))
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


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

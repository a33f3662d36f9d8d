"""Moves what SQLite's writers committed from the WAL into the database, beside them instead of within a commit."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from typing import Any

from sqlalchemy import Engine

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
LONGEST_WAL_PAGES = 32_768
"""128 MiB of 4 KiB pages: a longer WAL is begun anew, for which writers wait a moment."""


class Checkpoints:
    """A thread with a connection of its own.

    A passive checkpoint keeps nobody waiting, but never comes to the end of a WAL that grows meanwhile. So when that
    is long the rest is moved while nobody writes, and the next writer begins at its start.
    """

    def __init__(self, engine: Engine, alone: Callable[[], AbstractContextManager[None]]) -> None:
        """``alone``: a context in which nobody else writes."""
        self._engine = engine
        self._alone = alone
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="firstlight-checkpoints", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with closing(self._engine.raw_connection()) as connection:
            connection.detach()
            cursor = connection.cursor()
            cursor.execute("PRAGMA busy_timeout=0")  # a long reader must not make writers wait
            while not self._stopping.wait(INTERVAL_S):
                try:
                    self._checkpoint(cursor)
                except Exception as error:  # locked, a full disk: the WAL stays whole, and is tried again
                    log.warning("the WAL could not be moved into the database: %s", str(error))  # it names no values

    def _checkpoint(self, cursor: Any) -> None:
        _, pages, _ = cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if pages > LONGEST_WAL_PAGES:
            with self._alone():
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

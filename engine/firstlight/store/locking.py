"""One process at a time writes to a SQLite database."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from firstlight.errors import UnavailableError

PAUSE_S = 0.001


@contextmanager
def only_writer(database: Path, *, timeout_s: float) -> Iterator[None]:
    """Nobody else is in here with this database, in any process; a process that dies has left.

    SQLite's own waiting pauses longer and longer, up to 100 ms, while others write one transaction after another. This
    one looks every millisecond, and lets those who wait go before those who have just written: there are two locks, and
    whoever waits for the inner one holds the outer one.

    Raises:
        UnavailableError: others were in here for ``timeout_s``, or the files of the locks cannot be opened.
    """
    end = time.monotonic() + timeout_s
    with _opened(database, "lock") as inner:
        with _opened(database, "door") as outer:
            _take(outer, end)
            _take(inner, end)
        yield


def _opened(database: Path, name: str) -> IO[bytes]:
    try:
        return database.with_name(f"{database.name}-{name}").open("ab")
    except OSError as error:
        raise UnavailableError(f"the database cannot be used: {error.strerror}") from error


def _take(file: IO[bytes], end: float) -> None:
    """Lock ``file`` until it is closed."""
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise UnavailableError("the database is busy with writes of other processes; try again") from None
            time.sleep(PAUSE_S)

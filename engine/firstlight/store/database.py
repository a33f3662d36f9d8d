"""A database and its two kinds of transaction. Whatever keeps it from answering becomes UnavailableError.

One writer at a time, on PostgreSQL as on SQLite: a write transaction holds the database's write lock from its
beginning to its commit. So a change number drawn in it is committed before any greater number is drawn, a follower
that has read up to a number has missed nothing below it, and comparing before writing races with nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    TimeoutError as PoolTimeout,
)

from firstlight.errors import InvalidInputError, PreconditionError, Reason, UnavailableError
from firstlight.store import sqlite

BUSY_TIMEOUT_S = 20.0
HIDDEN = True
"""The text of an error ends in the log, where the values of a statement, such as user ids, have no place."""
# The number is one that no other user of the same database locks.
_LOCK = f"SET LOCAL lock_timeout = {int(BUSY_TIMEOUT_S * 1000)}; SELECT pg_advisory_xact_lock({0x0F115_71167})"


class Database:
    """An engine with :meth:`read` and :meth:`write`. Safe to share among threads, not among processes."""

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        self._engine = _create(parsed)
        # SQLite: one connection for all writes, prepared for them.
        self._writing = _create(parsed, writes=True) if self.dialect == "sqlite" else self._engine
        self._writers = threading.Lock()
        self._file = sqlite.SharedFile(self._engine, BUSY_TIMEOUT_S) if self.dialect == "sqlite" else None

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    def close(self) -> None:
        """Close all connections."""
        if self._file:
            self._file.close()
        self._writing.dispose()
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        with _unavailable(), self._engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock; committed at the end, rolled back on any error."""
        # Waiting here, in the process, costs no connection and no polling.
        if not self._writers.acquire(timeout=BUSY_TIMEOUT_S):
            raise UnavailableError("the database is busy with other writes; try again")
        try:
            alone = self._file.alone() if self._file else nullcontext()
            with _unavailable(), alone, self._writing.connect() as connection, connection.begin():
                if self.dialect == "postgresql":
                    connection.exec_driver_sql(_LOCK)
                yield connection
        finally:
            self._writers.release()


def now_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidInputError(
            "database_url is not a SQLAlchemy URL, such as postgresql+psycopg://user:password@host/name",
            reason=Reason.SETTINGS_INVALID,
        ) from error
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise InvalidInputError(
            f"database_url: {parsed.drivername!r} is not supported; use sqlite or postgresql",
            reason=Reason.SETTINGS_INVALID,
        )
    return parsed


def _create(url: URL, *, writes: bool = False) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, hide_parameters=HIDDEN, connect_args={"timeout": BUSY_TIMEOUT_S})
        sqlite.configure(engine, writes=writes)
        return engine
    try:
        engine = create_engine(
            url,
            hide_parameters=HIDDEN,
            pool_size=5,
            max_overflow=20,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10},
            paramstyle="format",  # rows are tuples, as for SQLite
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise PreconditionError(
            "PostgreSQL needs its driver: pip install 'firstlight[postgres]'", reason=Reason.EXTRA_NOT_INSTALLED
        ) from error
    event.listen(engine, "handle_error", _tell_less)
    return engine


def _tell_less(failure: ExceptionContext) -> None:
    """Of PostgreSQL's errors the first line: the others, such as DETAIL, tell the values of a row."""
    for error in (failure.original_exception, failure.sqlalchemy_exception):
        if error is not None and error.args:
            error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise UnavailableError("the database is busy: no connection became free; try again") from error
    except (OperationalError, InterfaceError) as error:
        raise UnavailableError(f"the database does not answer: {_first_line(error)}") from error
    except DatabaseError as error:
        if type(error) is DatabaseError:  # SQLite's "file is not a database" and "image is malformed"
            raise UnavailableError(f"the database cannot be used: {_first_line(error)}") from error
        raise


def _first_line(error: DatabaseError | InterfaceError) -> str:
    return str(error.orig).strip().partition("\n")[0]

"""One suite, every database: SQLite always, PostgreSQL where FIRSTLIGHT_TEST_POSTGRES_URL is set."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from firstlight.store import Store, open_store
from firstlight.store.tables import metadata

POSTGRES_URL = os.environ.get("FIRSTLIGHT_TEST_POSTGRES_URL", "")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL database for this run alone."""
    if not POSTGRES_URL:
        pytest.skip("FIRSTLIGHT_TEST_POSTGRES_URL is not set")
    name = f"firstlight_{secrets.token_hex(6)}"
    admin = create_engine(POSTGRES_URL, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(POSTGRES_URL).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without content."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'firstlight.db'}"
    found: str = request.getfixturevalue("postgres_url")
    open_store(found).close()
    engine = create_engine(found)
    with engine.begin() as connection:
        tables = ", ".join(table.name for table in metadata.sorted_tables)
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    engine.dispose()
    return found


@pytest.fixture
def open_again(url: str) -> Iterator[Callable[[], Store]]:
    """Opens the database once more, as another process would."""
    stores: list[Store] = []

    def opener() -> Store:
        stores.append(open_store(url))
        return stores[-1]

    yield opener
    for store in stores:
        store.close()


@pytest.fixture
def store(open_again: Callable[[], Store]) -> Store:
    return open_again()

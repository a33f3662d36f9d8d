from __future__ import annotations

import sqlite3
import subprocess
import sys
import traceback

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import StatementError

from firstlight.domain import Attribute, Item, Kind, Schema
from firstlight.errors import InvalidInputError, PreconditionError, Reason, UnavailableError
from firstlight.settings import init_home
from firstlight.store import database, open_store
from firstlight.store.database import Database
from firstlight.store.tables import SCHEMA_VERSION, metadata


def test_migrations_make_the_tables_the_code_expects(store):
    with store._database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_known_version_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", "firstlight.store:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]


def test_what_is_stored_survives_reopening(store, open_again):
    schema = Schema(users=(Attribute("vector", Kind.EMBEDDING, size=3),), types=("", "click"))
    store.set_catalog_schema("default", schema)
    store.upsert_items("default", [Item("1", {"n": 1})])
    store.close()
    again = open_again()
    assert again.catalog_schema("default") == schema
    assert again.list_items("default", limit=5) == [Item("1", {"n": 1})]


def test_a_database_of_a_newer_version_is_left_alone(url, store, open_again):
    store.upsert_items("default", [Item("1")])
    with store._database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(PreconditionError, match=r"newer version.*9999") as caught:
        open_again()
    assert caught.value.reason is Reason.HOME_TOO_NEW
    raw = Database(url)
    with raw.read() as connection:
        assert connection.execute(text("SELECT item_id FROM items")).scalar() == "1"
    with raw.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": SCHEMA_VERSION})
    raw.close()
    assert open_again().count_items("default") == 1


def test_a_failed_migration_leaves_nothing_behind(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    monkeypatch.setattr("alembic.op.create_index", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_store(url)
    monkeypatch.undo()
    store = open_store(url)
    assert store.list_catalogs() == []
    store.close()


def test_ensuring_a_catalogue_twice(store):
    store.ensure_catalog("b")
    store.ensure_catalog("a")
    store.ensure_catalog("b")
    assert store.list_catalogs() == ["a", "b"]
    assert store.catalog_schema("a") is None
    assert store.catalog_schema("nothing") is None


def test_a_home_has_its_own_sqlite_database(tmp_path):
    store = open_store(init_home(tmp_path / "home"))
    store.close()
    connection = sqlite3.connect(tmp_path / "home" / "firstlight.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_sqlite_waits_for_the_disk_and_checks_foreign_keys(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    with store._database.read() as connection:
        settings = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "foreign_keys")]
    store.close()
    assert settings == [2, 1]


@pytest.mark.parametrize("url", ["nonsense", "mysql://u@h/d", "", "postgresql+asyncpg://h/d"])
def test_urls_we_cannot_use(url):
    with pytest.raises(InvalidInputError, match="database_url") as caught:
        open_store(url)
    assert caught.value.reason is Reason.SETTINGS_INVALID


def test_databases_that_do_not_answer(tmp_path):
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database" * 100)
    for url in (
        f"sqlite:///{broken}",
        f"sqlite:///{tmp_path / 'no' / 'such' / 'directory.db'}",
        "postgresql://nobody@127.0.0.1:1/nothing",
    ):
        with pytest.raises(UnavailableError) as caught:
            open_store(url)
        assert caught.value.reason is Reason.STORE_UNAVAILABLE
        assert "\n" not in str(caught.value)


def test_sqlite_writes_over_one_connection_with_room_for_what_they_change(tmp_path):
    opened = Database(f"sqlite:///{tmp_path / 'x.db'}")
    drivers = set()
    for _ in range(3):
        with opened.write() as writing, opened.read() as reading:
            assert writing.execute(text("PRAGMA temp_store")).scalar() == 2  # memory
            assert writing.execute(text("PRAGMA cache_size")).scalar() == -32768
            assert reading.execute(text("PRAGMA temp_store")).scalar() == 0
            drivers.add(id(writing.connection.dbapi_connection))
            assert id(reading.connection.dbapi_connection) not in drivers
    assert len(drivers) == 1
    opened.close()


def test_a_database_locked_by_somebody_else_is_unavailable_and_then_not(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "x.db"
    store = open_store(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="locked"):
        store.upsert_items("default", [Item("1")])
    assert store.list_catalogs() == []  # readers are not kept waiting
    other.execute("ROLLBACK")
    other.close()
    store.upsert_items("default", [Item("1")])
    assert store.count_items("default") == 1
    store.close()


def test_the_store_imports_neither_polars_nor_torch_and_no_alembic_without_need(tmp_path):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    open_store(url).close()
    code = (
        f"import sys; from firstlight.store import open_store; open_store({url!r}).close(); "
        "print([m for m in ('polars', 'torch', 'alembic') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"


def test_an_error_does_not_tell_the_values_of_its_statement(store):
    with pytest.raises(StatementError) as caught, store._database.read() as connection:
        connection.execute(text("INSERT INTO users (catalog_id) VALUES (:user)"), {"user": "secret"})
    told = "".join(traceback.format_exception(caught.value))
    assert "INSERT INTO users" in told
    assert "secret" not in told.replace('{"user": "secret"}', "")

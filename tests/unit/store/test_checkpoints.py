from __future__ import annotations

import sqlite3
import time

import pytest

from firstlight.domain import Item
from firstlight.store import checkpoints, open_store


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "INTERVAL_S", 0.01)
    monkeypatch.setattr(checkpoints, "LONGEST_WAL_PAGES", 100)
    opened = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    yield opened
    opened.close()


def wal_size(tmp_path):
    return (tmp_path / "x.db-wal").stat().st_size


def write_a_lot(store):
    """About 1,000 pages of 4 KiB."""
    for n in range(100):
        store.upsert_items("default", [Item(f"{n}-{k}", {"text": f"{time.time_ns()}{3000 * 'x'}"}) for k in range(10)])
        time.sleep(0.002)


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_wal_stays_short_while_it_grows(store, tmp_path):
    longest = 0
    for _ in range(3):
        write_a_lot(store)
        longest = max(longest, wal_size(tmp_path))
    assert longest < 1000 * 4096
    assert store.count_items("default") == 1000
    until(lambda: wal_size(tmp_path) <= 100 * 4096 * 2)


def test_a_commit_moves_nothing_itself(store, monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoints.Checkpoints, "_checkpoint", lambda *_: None)
    write_a_lot(store)
    assert wal_size(tmp_path) > 1000 * 4096


def test_a_long_reader_delays_the_wal_and_no_writer(store, tmp_path):
    reader = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM items").fetchone()
    began = time.monotonic()
    write_a_lot(store)
    assert time.monotonic() - began < 15
    assert wal_size(tmp_path) > 500 * 4096
    reader.execute("ROLLBACK")
    store.upsert_items("default", [Item("last")])
    until(lambda: wal_size(tmp_path) <= 100 * 4096 * 2)
    reader.close()


def test_it_goes_on_after_a_failure(store, tmp_path, monkeypatch):
    failures = []
    original = checkpoints.Checkpoints._checkpoint

    def fail_once(self, cursor):
        if not failures:
            failures.append(1)
            raise sqlite3.OperationalError("disk is full")
        original(self, cursor)

    monkeypatch.setattr(checkpoints.Checkpoints, "_checkpoint", fail_once)
    write_a_lot(store)
    until(lambda: failures and wal_size(tmp_path) <= 100 * 4096 * 2)

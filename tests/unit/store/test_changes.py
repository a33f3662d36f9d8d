from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from firstlight.domain import Interaction, Item, User
from firstlight.store import ChangeKind
from firstlight.store.changes import record


def follow(store, token):
    """All changes after ``token``, as a follower reads them: page by page."""
    found = []
    while page := store.changes_since(token, limit=7):
        found += page
        token = page[-1].token
    return found


def test_every_write_leaves_its_trace_in_order(store):
    store.upsert_items("default", [Item("1")])
    store.upsert_users("default", [User("u")])
    store.write_interactions("default", [Interaction("u", "1"), Interaction("u", "2")])
    store.delete_users("default", ["u"])
    store.delete_items("default", ["1"])
    assert [(change.kind, change.key) for change in follow(store, 0)] == [
        (ChangeKind.ITEM, "1"),
        (ChangeKind.USER, "u"),
        (ChangeKind.ITEM, "2"),
        (ChangeKind.INTERACTION, "u"),
        (ChangeKind.USER_DELETED, "u"),
        (ChangeKind.ITEM_DELETED, "1"),
    ]
    assert follow(store, store.last_token()) == []


def test_numbers_are_not_used_again(store, open_again):
    token = store.upsert_items("default", [Item("1")])
    assert open_again().upsert_items("default", [Item("2")]) > token


def test_a_write_that_fails_leaves_no_trace(store):
    try:
        with store._database.write() as connection:
            record(connection, "default", ChangeKind.ITEM, ["lost"])
            raise RuntimeError
    except RuntimeError:
        pass
    assert store.changes_since(0) == []


def test_a_slow_write_and_a_fast_one_lose_no_change(store, open_again):
    """The one that drew its number first commits last if it can: a follower in between would then miss it."""
    slow, fast = open_again(), open_again()
    drawn, may_commit = threading.Event(), threading.Event()
    overtaken = threading.Event()

    def write_slowly():
        with slow._database.write() as connection:
            record(connection, "default", ChangeKind.ITEM, ["slow"])
            drawn.set()
            assert may_commit.wait(10)

    def write_fast():
        assert drawn.wait(10)
        fast.upsert_items("default", [Item("fast")])
        overtaken.set()

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(write_slowly), pool.submit(write_fast)]
        assert drawn.wait(10)
        assert not overtaken.wait(0.3)  # the fast one would be done by now, were it not made to wait
        seen = store.changes_since(0)
        may_commit.set()
        for one in running:
            one.result(10)
    seen += store.changes_since(seen[-1].token if seen else 0)
    assert [change.key for change in seen] == ["slow", "fast"]


def test_a_hundred_writers_at_once_all_land(store, open_again):
    stores = [open_again(), open_again()]
    stop = threading.Event()
    followed = []

    def follower():
        token = 0
        while True:
            last_round = stop.is_set()
            for change in store.changes_since(token):
                followed.append(change)
                token = change.token
            if last_round:
                return

    def write(n):
        return stores[n % 2].write_interactions("default", [Interaction(f"u{n}", f"i{n % 10}", float(n), time_us=n)])

    with ThreadPoolExecutor(101) as pool:
        reading = pool.submit(follower)
        results = list(pool.map(write, range(100)))
        stop.set()
        reading.result(20)
    assert all(result.written == 1 for result in results)
    assert store.count_interactions("default") == 100
    assert {c.key for c in followed if c.kind is ChangeKind.INTERACTION} == {f"u{n}" for n in range(100)}
    tokens = [change.token for change in followed]
    assert tokens == sorted(set(tokens))
    assert len({result.write_token for result in results}) == 100

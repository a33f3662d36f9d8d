"""The cache of user states, above all what it must not remember."""

from types import SimpleNamespace
from typing import Any

from firstlight.domain import Interaction, Query, User
from firstlight.pipeline import UserState
from firstlight.pipeline.users import UserCache


class FakeStore:
    """Two users; ``during`` runs while they are read."""

    def __init__(self) -> None:
        self.age = 20
        self.reads = 0
        self.during: Any = lambda: None

    def get_users(self, catalog_id: str, ids: list[str]) -> dict[str, User]:
        self.reads += 1
        found = {i: User(i, {"age": self.age}) for i in ids if i in "ab"}
        self.during()
        return found

    def list_interactions(self, catalog_id: str, user_id: str, *, limit: int) -> list[Interaction]:
        return [Interaction(user_id, f"i{n}", float(n)) for n in range(2)] if user_id == "a" else []


def asked(*ids: str) -> list[Query]:
    return [Query(user_id=i) for i in ids]


def age(cache: UserCache, user_id: str) -> Any:
    return cache.get("c", asked(user_id))[user_id].attributes["age"]


def test_a_state_is_read_once():
    store = FakeStore()
    cache = UserCache(store, 10)
    assert cache.missing("c", [*asked("a", "a", "x"), Query()]) == ["a", "x"]
    cache.load("c", ["a", "x"])
    assert cache.missing("c", asked("a", "x")) == []
    found = cache.get("c", asked("a", "x", "b"))
    assert [e.item_id for e in found["a"].history] == ["i0", "i1"]
    assert found["x"] == UserState(), "a user nobody stored is known to be new"
    assert "b" not in found
    assert store.reads == 1
    assert cache.missing("other", asked("a")) == ["a"]


def test_the_longest_unused_are_forgotten_first():
    cache = UserCache(FakeStore(), 2)
    cache.load("c", ["a", "b"])
    cache.get("c", asked("a"))
    cache.load("c", ["x"])
    assert cache.missing("c", asked("a", "b", "x")) == ["b"]


def test_a_changed_user_is_read_again():
    store = FakeStore()
    cache = UserCache(store, 10)
    cache.load("c", ["a"])
    store.age = 21
    assert age(cache, "a") == 20
    cache.forget("c", "a")
    assert cache.missing("c", asked("a")) == ["a"]
    cache.load("c", ["a"])
    assert age(cache, "a") == 21


def test_a_change_while_reading_is_not_lost():
    """The old state was read, then the user changed, then the old state would have been kept for ever."""
    store = FakeStore()
    cache = UserCache(store, 10)

    def change() -> None:
        store.during = lambda: None
        store.age = 21
        cache.forget("c", "a")

    store.during = change
    found = cache.load("c", ["a", "b"])
    assert age(cache, "a") == 21
    assert found["a"].attributes["age"] == 21
    assert store.reads == 2


def test_a_user_who_never_stops_changing_is_not_kept():
    store = FakeStore()
    cache = UserCache(store, 10)
    store.during = lambda: cache.forget("c", "a")
    assert "a" not in cache.load("c", ["a"])
    assert store.reads <= 5
    assert cache.missing("c", asked("a")) == ["a"]
    assert cache._loading == []


def test_a_failing_store_leaves_nothing_behind():
    def fail(*_: Any) -> Any:
        raise OSError("down")

    cache = UserCache(SimpleNamespace(get_users=fail), 10)
    try:
        cache.load("c", ["a"])
    except OSError:
        assert cache._loading == []
    else:
        raise AssertionError("hidden")

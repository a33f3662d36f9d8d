from __future__ import annotations

import pytest

from firstlight.domain import Interaction, Item, User
from firstlight.store import Change, ChangeKind

IDS = ["a", "B", "b", "é", "z", "10", "9", "~"]


def test_items_come_back_as_written(store):
    items = [Item("1", {"title": "Film", "year": 1995}), Item("2")]
    token = store.upsert_items("default", items)
    assert store.get_items("default", ["2", "1", "nobody"]) == {"1": items[0], "2": items[1]}
    assert token == store.last_token() > 0
    assert store.count_items("default") == 2


def test_an_upsert_replaces_all_attributes(store):
    store.upsert_users("default", [User("u", {"age": 1, "city": "X"})])
    store.upsert_users("default", [User("u", {"age": 2})])
    assert store.get_users("default", ["u"])["u"].attributes == {"age": 2}


def test_the_last_of_equal_ids_in_a_batch_wins(store):
    store.upsert_items("default", [Item("1", {"n": 1}), Item("1", {"n": 2})])
    assert store.list_items("default", limit=10) == [Item("1", {"n": 2})]


def test_writing_the_same_again_is_no_change(store):
    items = [Item(str(n), {"n": n}) for n in range(10)]
    token = store.upsert_items("default", items)
    assert store.upsert_items("default", items) == token
    assert store.upsert_items("default", [*items[:9], Item("9", {"n": 99})]) == token + 1
    assert store.changes_since(token) == [Change(token + 1, "default", ChangeKind.ITEM, "9")]


def test_pages_are_in_byte_order_and_leave_nothing_out(store):
    store.upsert_users("default", [User(user_id) for user_id in IDS])
    pages, after = [], ""
    while page := store.list_users("default", limit=3, after=after):
        pages += [user.user_id for user in page]
        after = pages[-1]
    assert pages == sorted(IDS, key=str.encode)


def test_catalogues_are_apart(store):
    store.upsert_items("one", [Item("1", {"n": 1})])
    store.upsert_items("two", [Item("1", {"n": 2})])
    store.delete_items("one", ["1"])
    assert store.list_catalogs() == ["one", "two"]
    assert store.get_items("two", ["1"])["1"].attributes == {"n": 2}
    assert store.count_items("one") == 0


def test_deleting_says_what_was_deleted(store):
    before = store.upsert_items("default", [Item("1"), Item("2")])
    token = store.delete_items("default", ["1", "nobody"])
    assert store.changes_since(before) == [Change(token, "default", ChangeKind.ITEM_DELETED, "1")]
    assert store.delete_items("default", ["1"]) == token
    assert list(store.get_items("default", ["1", "2"])) == ["2"]


def test_deleting_a_user_deletes_what_they_did(store):
    store.write_interactions("default", [Interaction("u", "1"), Interaction("v", "1")])
    store.delete_users("default", ["u"])
    assert store.list_interactions("default", "u") == []
    assert len(store.list_interactions("default", "v")) == 1
    assert store.count_interactions("default") == 1


def test_items_changed_since_a_token_are_the_live_ones(store):
    store.upsert_items("default", [Item("old"), Item("changed", {"n": 1})])
    token = store.last_token()
    store.upsert_items("default", [Item("changed", {"n": 2}), Item("old")])
    store.write_interactions("default", [Interaction("u", "made")])
    assert store.items_changed_since("default", token) == [Item("changed", {"n": 2}), Item("made")]
    assert store.items_changed_since("default", store.last_token()) == []


def test_more_ids_than_a_statement_holds(store):
    items = [Item(str(n), {"n": n}) for n in range(12_001)]
    store.upsert_items("default", items)
    assert len(store.get_items("default", [item.item_id for item in items])) == 12_001
    store.delete_items("default", [item.item_id for item in items])
    assert store.count_items("default") == 0


@pytest.mark.parametrize("item_id", ["日本語", "a'b\"; DROP TABLE items", "%_\\", " ", "x" * 256])
def test_any_valid_id_is_just_an_id(store, item_id):
    store.upsert_items("default", [Item(item_id, {"n": 1})])
    assert store.list_items("default", limit=5) == [Item(item_id, {"n": 1})]

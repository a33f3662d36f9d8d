from __future__ import annotations

import pytest
from sqlalchemy import func, select

from firstlight.domain import Interaction, Item
from firstlight.errors import ConflictError, Reason
from firstlight.store import ChangeKind, requests as remembered
from firstlight.store.tables import requests


def test_users_and_items_are_made_without_touching_those_there(store):
    store.upsert_items("default", [Item("1", {"title": "Film"})])
    store.write_interactions("default", [Interaction("u", "1", 4.0), Interaction("u", "2")])
    assert store.get_items("default", ["1", "2"]) == {"1": Item("1", {"title": "Film"}), "2": Item("2")}
    assert [user.user_id for user in store.list_users("default", limit=5)] == ["u"]


def test_writing_the_same_again_is_no_change(store):
    batch = [Interaction("u", str(n), float(n), "click", 1000 + n) for n in range(50)]
    first = store.write_interactions("default", batch)
    again = store.write_interactions("default", batch)
    assert (first.written, first.unchanged) == (50, 0)
    assert (again.written, again.unchanged, again.write_token) == (0, 50, first.write_token)


@pytest.mark.parametrize(
    ("first", "second", "stored"),
    [
        (Interaction("u", "1", 2.0), Interaction("u", "1", 5.0), 1),  # no time: the later value replaces
        (Interaction("u", "1", 2.0, time_us=1), Interaction("u", "1", 5.0, time_us=1), 1),
        (Interaction("u", "1", 2.0, time_us=1), Interaction("u", "1", 5.0, time_us=2), 2),
        (Interaction("u", "1", 2.0, "click"), Interaction("u", "1", 5.0, "buy"), 2),
        (Interaction("u", "1", 2.0), Interaction("u", "1", 5.0, time_us=0), 2),
        (Interaction("u", "1", 2.0, interaction_id="x"), Interaction("u", "2", 5.0, interaction_id="x"), 1),
        (Interaction("u", "1", 2.0, interaction_id="x"), Interaction("u", "1", 5.0, interaction_id="y"), 2),
        (Interaction("u", "12", 2.0), Interaction("u1", "2", 5.0), 2),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_identity(store, first, second, stored, together):
    for batch in [[first, second]] if together else [[first], [second]]:
        store.write_interactions("default", batch)
    assert store.count_interactions("default") == stored
    assert second in store.list_interactions("default", second.user_id)


def test_an_interaction_that_moves_changes_both_users(store):
    store.write_interactions("default", [Interaction("u", "1", interaction_id="x"), Interaction("v", "1")])
    token = store.last_token()
    store.write_interactions("default", [Interaction("v", "1", interaction_id="x")])
    assert [(c.kind, c.key) for c in store.changes_since(token)] == [
        (ChangeKind.INTERACTION, "u"),
        (ChangeKind.INTERACTION, "v"),
    ]
    assert store.list_interactions("default", "u") == []


def test_everything_comes_back(store):
    one = Interaction("u", "1", -0.5, "click", -5, "id", "token")
    store.write_interactions("default", [one])
    assert store.list_interactions("default", "u") == [one]


def test_the_newest_come_last_and_ties_by_number(store):
    times = {"9": 5, "10": 5, "2": 7, "3": None, "1": 1}
    store.write_interactions("default", [Interaction("u", item, time_us=time) for item, time in times.items()])
    assert [one.item_id for one in store.list_interactions("default", "u")] == ["3", "1", "9", "10", "2"]
    assert [one.item_id for one in store.list_interactions("default", "u", limit=2)] == ["9", "2"]


def test_a_repeated_request_gets_the_first_answer(store):
    first = store.write_interactions("default", [Interaction("u", "1", 1.0)], request_id="r")
    store.write_interactions("default", [Interaction("u", "1", 2.0)])
    again = store.write_interactions("default", [Interaction("u", "1", 1.0)], request_id="r")
    assert again == first
    assert store.list_interactions("default", "u")[0].value == 2.0


def test_a_request_id_with_another_body_is_a_conflict_and_writes_nothing(store):
    store.write_interactions("default", [Interaction("u", "1", 1.0)], request_id="r")
    with pytest.raises(ConflictError, match="24 hours") as caught:
        store.write_interactions("default", [Interaction("u", "2", 1.0)], request_id="r")
    assert caught.value.reason is Reason.REQUEST_ID_REUSED
    assert store.count_interactions("default") == 1
    store.write_interactions("other", [Interaction("u", "2", 1.0)], request_id="r")


def test_request_ids_are_forgotten_after_the_window(store, monkeypatch):
    start = 1_700_000_000_000_000
    monkeypatch.setattr(remembered, "now_us", lambda: start)
    store.write_interactions("default", [Interaction("u", "1", 1.0)], request_id="r")
    monkeypatch.setattr(remembered, "now_us", lambda: start + 24 * 3600 * 1_000_000 + 1)
    assert store.write_interactions("default", [Interaction("u", "2")], request_id="r").written == 1
    with store._database.read() as connection:
        assert connection.execute(select(func.count()).select_from(requests)).scalar() == 1


def test_recent_users_newest_first(store):
    rows = [("old", 1), ("new", 9), ("timeless", None), ("new", 2)]
    store.write_interactions("default", [Interaction(user, str(n), time_us=t) for n, (user, t) in enumerate(rows)])
    assert store.recent_users("default", 10) == ["new", "old", "timeless"]
    assert store.recent_users("default", 1) == ["new"]


def test_an_empty_batch_is_fine(store):
    result = store.write_interactions("default", [])
    assert (result.write_token, result.written, result.unchanged) == (0, 0, 0)

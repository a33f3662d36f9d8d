from __future__ import annotations

import pytest

from firstlight.domain import Interaction
from firstlight.errors import ConflictError
from firstlight.store import ChangeKind, InteractionWrite, WriteResult
from firstlight.store.identity import key_of


def write(*batch, request_id="", catalog_id="default"):
    return InteractionWrite(catalog_id, batch, request_id)


def test_together_is_as_one_after_another(store):
    first, second = Interaction("u", "1", 1.0), Interaction("u", "1", 2.0)
    results = store.write_together([write(first), write(second), write(first, catalog_id="other"), write(second)])
    assert [(one.written, one.unchanged) for one in results] == [(1, 0), (1, 0), (1, 0), (0, 1)]
    assert store.list_interactions("default", "u") == [second]
    assert store.list_interactions("other", "u") == [first]


def test_each_token_covers_its_write_and_the_log_names_a_user_once(store):
    results = store.write_together([write(Interaction("u", str(n))) for n in range(5)])
    seen = [c.key for c in store.changes_since(0) if c.kind is ChangeKind.INTERACTION]
    assert seen == ["u"]
    assert {one.write_token for one in results} == {store.last_token()}


def test_one_that_conflicts_does_not_harm_the_others(store):
    first = store.write_interactions("default", [Interaction("u", "1", 1.0)], request_id="r")
    results = store.write_together(
        [
            write(Interaction("v", "1", 1.0)),
            write(Interaction("w", "1", 1.0), request_id="r"),
            write(Interaction("u", "1", 1.0), request_id="r"),
            write(Interaction("x", "1", 1.0), request_id="s"),
        ]
    )
    assert isinstance(results[1], ConflictError)
    assert results[2] == first
    assert [results[n].written for n in (0, 3)] == [1, 1]
    assert [user.user_id for user in store.list_users("default", limit=9)] == ["u", "v", "x"]


def test_a_request_that_is_repeated_while_the_first_waits(store):
    one, other = Interaction("u", "1", 1.0), Interaction("u", "2", 1.0)
    results = store.write_together(
        [write(one, request_id="r"), write(one, request_id="r"), write(other, request_id="r"), write(one)]
    )
    assert results[0] == results[1] == WriteResult(store.last_token(), 1, 0)
    assert isinstance(results[2], ConflictError)
    assert results[3].unchanged == 1
    assert store.count_interactions("default") == 1


def test_an_error_writes_nothing_of_any(store, monkeypatch):
    monkeypatch.setattr("firstlight.store.writing.record", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        store.write_together([write(Interaction("u", "1")), write(Interaction("v", "1"))])
    assert store.count_interactions("default") == 0
    assert store.list_users("default", limit=5) == []


def test_keys_are_in_the_order_of_ids_and_of_times():
    by_id = [key_of(Interaction("u", "1", interaction_id=text)) for text in ("0190-a", "0190-b", "0191", "é")]
    by_time = [key_of(Interaction("u", str(-time), time_us=time)) for time in (-(10**15), -1, 0, 1, 10**15)]
    assert by_id == sorted(by_id)
    assert by_time == sorted(by_time)
    assert len({*by_id, *by_time}) == 9

import inspect
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from firstlight.client import AsyncClient, Client, calls
from firstlight.client.calls import Call, newest, query
from firstlight.v1.interaction_pb2 import Interaction
from firstlight.v1.recommendation_pb2 import HistoryEntry

BUILDERS = {
    "recommend": calls.recommend(),
    "batch_recommend": calls.batch_recommend([]),
    "rank": calls.rank([]),
    "similar_items": calls.similar_items("i"),
    "get_item": calls.get_item("i"),
    "list_items": calls.list_items(),
    "upsert_items": calls.upsert_items({}),
    "delete_items": calls.delete_items([]),
    "get_user": calls.get_user("u"),
    "list_users": calls.list_users(),
    "upsert_users": calls.upsert_users({}),
    "delete_users": calls.delete_users([]),
    "write_interactions": calls.write_interactions([]),
    "get_bundle": calls.get_bundle(),
    "list_bundles": calls.list_bundles(),
    "activate_bundle": calls.activate_bundle("b"),
    "roll_back_bundle": calls.roll_back_bundle(),
    "create_training_job": calls.create_training_job(),
    "get_training_job": calls.get_training_job("j"),
    "list_training_jobs": calls.list_training_jobs(),
    "cancel_training_job": calls.cancel_training_job("j"),
    "watch_training_job": calls.watch_training_job("j"),
    "list_plugins": calls.list_plugins(),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_the_request_names_its_method_and_response(name: str) -> None:
    call: Call[object] = BUILDERS[name]
    service, method = call.path.removeprefix("/firstlight.v1.").split("/")
    found = call.request.DESCRIPTOR.file.services_by_name[service].methods_by_name[method]
    assert found.input_type is call.request.DESCRIPTOR
    assert found.output_type is call.response.DESCRIPTOR
    call.pick(call.response())


def test_every_method_of_every_service_has_a_call() -> None:
    services = {call.request.DESCRIPTOR.file.name: call.request.DESCRIPTOR.file for call in BUILDERS.values()}
    rpcs = {
        f"/{service.full_name}/{method.name}"
        for file in services.values()
        for service in file.services_by_name.values()
        for method in service.methods
    }
    assert rpcs == {call.path for call in BUILDERS.values()}


@pytest.mark.parametrize("name", BUILDERS)
def test_both_clients_have_the_same_documented_methods(name: str) -> None:
    blocking, waiting = getattr(Client, name), getattr(AsyncClient, name)
    assert blocking.__doc__ == waiting.__doc__ == getattr(calls, name).__doc__
    assert inspect.signature(blocking) == inspect.signature(waiting) == inspect.signature(getattr(calls, name))


def test_the_clients_have_no_other_methods() -> None:
    def public(cls: type) -> set[str]:
        return {name for name in vars(cls) if not name.startswith("_")}

    assert (
        public(Client) == public(AsyncClient) == {*BUILDERS, "connect", "with_options", "close", "health", "write_all"}
    )


def test_histories() -> None:
    entries = [HistoryEntry(item_id="a", value=5.0), HistoryEntry(item_id="b")]
    assert list(query(history={"a": 5.0, "b": None}).history) == entries
    assert list(query(history=[("a", 5.0), "b"]).history) == entries
    assert list(query(history=entries).history) == entries


def test_the_newest_part_of_a_history() -> None:
    entries = newest([str(n) for n in range(100_003)])
    assert (len(entries), entries[0], entries[-1]) == (100_000, "3", "100002")
    assert newest({"a": 5.0, "b": None}) == [("a", 5.0), ("b", None)]
    assert newest([]) == []


def test_a_value_of_zero_is_a_value() -> None:
    (entry,) = query(history={"a": 0}).history
    assert entry.HasField("value")
    assert not query(history=["a"]).history[0].HasField("value")


def test_interactions() -> None:
    when = datetime(2024, 5, 1, tzinfo=UTC)
    request = calls.write_interactions(
        [
            {"user_id": "u", "item_id": "i", "value": 0.0, "time": when},
            Interaction(user_id="u", item_id="j"),
            {"user_id": "u", "item_id": "k"},
        ]
    ).request
    first, second, third = request.interactions
    assert first.HasField("value")
    assert first.time.ToDatetime(UTC) == when
    assert second.item_id == "j"
    assert not third.HasField("value")
    assert not third.HasField("time")


def test_request_ids() -> None:
    made = {calls.write_interactions([]).request.request_id for _ in range(3)}
    assert len(made) == 3
    assert all(made)
    assert calls.write_interactions([], request_id="mine").request.request_id == "mine"


def test_training_parameters() -> None:
    unset = calls.create_training_job().request.parameters
    assert not unset.HasField("seed")
    assert not unset.HasField("time_budget")
    given = calls.create_training_job(preset="base", seed=0, time_budget_s=90).request.parameters
    assert given.HasField("seed")
    assert (given.preset, given.time_budget.seconds) == (2, 90)


@pytest.mark.parametrize(
    "build",
    [
        lambda: calls.recommend(5),
        lambda: calls.recommend("\ud800"),
        lambda: calls.recommend(limit=2**31),
        lambda: calls.recommend(history={"i": "five"}),
        lambda: calls.write_interactions([{"user_id": 1, "item_id": 2}]),
        lambda: calls.write_interactions([{"user": "u", "item_id": "i"}]),
        lambda: calls.create_training_job(preset="huge"),
    ],
)
def test_what_no_message_can_hold_is_an_error_of_python(build: Callable[[], object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        build()

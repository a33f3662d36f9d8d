from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.timestamp_pb2 import Timestamp

from firstlight.domain import HistoryEntry, Interaction, Item, Query, User
from firstlight.errors import InvalidInputError
from firstlight.server import from_proto, to_proto
from firstlight.server.checks import Checks
from firstlight.v1 import interaction_pb2, item_pb2, recommendation_pb2, user_pb2
from firstlight.v1.attribute_pb2 import AttributeValue

TIME = Timestamp(seconds=1, nanos=2000)

QUERY = recommendation_pb2.Query(
    user_id="u",
    profile={"age": AttributeValue(int64_value=3)},
    history=[recommendation_pb2.HistoryEntry(item_id="i", value=0.0, type="t", time=TIME)],
    context_item_ids=["c"],
    exclude_item_ids=["e"],
    limit=5,
    include_seen=True,
    route=recommendation_pb2.ROUTE_FAST,
)
INTERACTION = interaction_pb2.Interaction(
    interaction_id="n", user_id="u", item_id="i", value=0.5, type="t", time=TIME, attribution_token="a"
)


def unset(message: Any) -> list[str]:
    """Fields of a message that hold their default: what this test would not notice to be forgotten."""
    descriptor: Descriptor = message.DESCRIPTOR
    present = {field.name for field, _ in message.ListFields()}
    return [field.name for field in descriptor.fields if field.name not in present]


def test_every_field_of_a_query_arrives() -> None:
    assert unset(QUERY) == unset(QUERY.history[0]) == []
    with Checks() as checks:
        found = from_proto.query(QUERY, "query", checks)
    assert found == Query(
        user_id="u",
        profile={"age": 3},
        history=(HistoryEntry("i", 0.0, "t", 1_000_002),),
        context=("c",),
        exclude=("e",),
        limit=5,
        include_seen=True,
        route="fast",
    )
    assert {field.name for field in fields(Query)} - {"candidates"} == {
        "user_id", "profile", "history", "context", "exclude", "limit", "include_seen", "route"
    }  # fmt: skip


def test_an_empty_query() -> None:
    with Checks() as checks:
        assert from_proto.query(recommendation_pb2.Query(), "query", checks) == Query()


def test_a_route_that_does_not_exist_is_named() -> None:
    with pytest.raises(InvalidInputError) as caught, Checks() as checks:
        from_proto.query(recommendation_pb2.Query(route=7), "query", checks)  # type: ignore[arg-type]
    assert [(v.field, v.description) for v in caught.value.violations] == [("query.route", "7 is no route")]


def test_every_field_of_an_interaction_arrives() -> None:
    assert unset(INTERACTION) == []
    with Checks() as checks:
        found = from_proto.interaction(INTERACTION, "i", checks)
        bare = from_proto.interaction(interaction_pb2.Interaction(user_id="u", item_id="i"), "i", checks)
    assert found == Interaction("u", "i", 0.5, "t", 1_000_002, "n", "a")
    assert bare == Interaction("u", "i")


@pytest.mark.parametrize(
    ("message", "entity", "read", "write"),
    [
        (item_pb2.Item(item_id="x"), Item("x"), from_proto.item, to_proto.item),
        (user_pb2.User(user_id="x"), User("x"), from_proto.user, to_proto.user),
    ],
)
def test_entities_go_there_and_back(message: Any, entity: Any, read: Any, write: Any) -> None:
    values = {"s": "é", "b": True, "n": 1, "f": 1.5, "t": datetime(2024, 1, 1, tzinfo=UTC), "l": ("a",), "v": (0.5,)}
    entity = type(entity)("x", values)
    message = write(entity)
    assert unset(message) == []
    with Checks() as checks:
        assert read(message, "x", checks) == entity


@pytest.mark.parametrize("seconds", [-62_135_596_800, 0, 253_402_300_799])
def test_times_at_the_edge_are_times(seconds: int) -> None:
    message = interaction_pb2.Interaction(user_id="u", item_id="i", time=Timestamp(seconds=seconds, nanos=999))
    attributes = {"t": AttributeValue(timestamp_value=Timestamp(seconds=seconds))}
    with Checks() as checks:
        assert from_proto.interaction(message, "i", checks).time_us == seconds * 1_000_000
        assert from_proto.attributes(attributes, "a", checks)["t"].year in {1, 1970, 9999}

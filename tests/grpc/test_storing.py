import base64
import math
import threading
from datetime import UTC, datetime

import grpc
import pytest

from firstlight.client import Client, attributes_of
from firstlight.errors import ConflictError, InvalidInputError, NotFoundError, Reason
from firstlight.v1 import item_service_pb2, item_service_pb2_grpc, plugin_service_pb2, plugin_service_pb2_grpc
from firstlight.v1.attribute_pb2 import AttributeValue
from firstlight.v1.interaction_pb2 import Interaction
from firstlight.v1.item_pb2 import Item
from firstlight.v1.recommendation_pb2 import Scenario

pytestmark = pytest.mark.xdist_group("grpc")


@pytest.fixture
def shelf(client: Client) -> Client:
    """A catalogue without a bundle."""
    return client.with_options(catalog_id="shelf")


def test_every_kind_of_value_comes_back(shelf: Client) -> None:
    attributes = {
        "text": "ünïcode\n",
        "empty": "",
        "whole": -(2**63),
        "real": 0.1,
        "truth": False,
        "several": ("a", "b"),
        "none": (),
        "vector": (0.5, -1.0),
        "time": datetime(1999, 12, 31, 23, 59, 59, 123456, tzinfo=UTC),
    }
    shelf.upsert_items({"all": attributes})
    assert attributes_of(shelf.get_item("all")) == attributes
    shelf.upsert_users({"all": attributes})
    assert attributes_of(shelf.get_user("all")) == attributes


def test_an_upsert_replaces(shelf: Client) -> None:
    first = shelf.upsert_items({"again": {"a": 1, "b": 2}})
    second = shelf.upsert_items({"again": {"b": 3}})
    assert attributes_of(shelf.get_item("again")) == {"b": 3}
    assert int(second.write_token) > int(first.write_token)


def test_pages(shelf: Client) -> None:
    names = [f"page-{n:03}" for n in range(25)]
    shelf.upsert_users({name: {} for name in reversed(names)})
    listed = [user.user_id for user in shelf.list_users(page_size=10)]
    assert listed == sorted(listed, key=str.encode)
    assert [name for name in listed if name.startswith("page-")] == names
    assert [user.user_id for user in shelf.list_users(page_size=10**9)] == listed
    assert list(shelf.with_options(catalog_id="empty-shelf").list_items()) == []


def test_page_tokens_are_of_one_list(shelf: Client, server: object) -> None:
    shelf.upsert_items({"a": {}, "b": {}})
    with grpc.insecure_channel(server.address) as channel:
        stub = item_service_pb2_grpc.ItemServiceStub(channel)
        first = stub.ListItems(item_service_pb2.ListItemsRequest(catalog_id="shelf", page_size=1))
        assert len(first.items) == 1
        for request in ({"page_token": "nonsense"}, {"page_token": "dXNlcnM6YQ=="}, {"page_size": -1}):
            with pytest.raises(grpc.RpcError) as caught:
                stub.ListItems(item_service_pb2.ListItemsRequest(catalog_id="shelf", **request))
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert next(iter(request)) in caught.value.details()


@pytest.mark.parametrize("token", [b"plugins:-1", b"plugins:one", b"items:1"])
def test_page_tokens_of_plugins(server: object, token: bytes) -> None:
    request = plugin_service_pb2.ListPluginsRequest(page_token=base64.urlsafe_b64encode(token))
    with grpc.insecure_channel(server.address) as channel:
        stub = plugin_service_pb2_grpc.PluginServiceStub(channel)
        with pytest.raises(grpc.RpcError, match="page_token was not given by this list"):
            stub.ListPlugins(request)


def test_what_is_not_there(shelf: Client) -> None:
    with pytest.raises(NotFoundError) as caught:
        shelf.get_item("nowhere")
    assert caught.value.reason is Reason.ITEM_NOT_FOUND
    with pytest.raises(NotFoundError) as caught:
        shelf.get_user("nobody")
    assert caught.value.reason is Reason.USER_NOT_FOUND
    assert shelf.delete_items(["nowhere"]).write_token


def test_ids_compare_byte_by_byte(shelf: Client) -> None:
    names = ["\u00c9", "E\u0301", "\u00e9", "e", "E", " E", "x" * 256, "\u00e9" * 128]
    shelf.upsert_items({name: {"n": n} for n, name in enumerate(names)})
    assert [attributes_of(shelf.get_item(name))["n"] for name in names] == list(range(len(names)))


def test_a_batch_is_all_or_nothing(shelf: Client) -> None:
    good = {f"batch-{n}": {} for n in range(5)}
    with pytest.raises(InvalidInputError) as caught:
        shelf.upsert_items({**good, "bad": {"x": math.nan}, "": {}})
    assert [v.field for v in caught.value.violations] == ["items[5].attributes.x", "items[6].item_id"]
    assert not [item for item in shelf.list_items() if item.item_id.startswith("batch-")]

    written = [{"user_id": "batch", "item_id": str(n), "value": 1.0} for n in range(20)]
    written[17]["value"] = math.inf
    with pytest.raises(InvalidInputError, match=r"interactions\[17\].value must be a finite number"):
        shelf.write_interactions(written)
    with pytest.raises(NotFoundError):
        shelf.get_user("batch")


def test_violations_are_named_20_at_most_and_counted(shelf: Client) -> None:
    with pytest.raises(InvalidInputError) as caught:
        shelf.write_interactions([{"user_id": "u", "item_id": "\x00"}] * 500)
    assert len(caught.value.violations) == 20
    assert caught.value.total == 500
    assert caught.value.violations[19].field == "interactions[19].item_id"


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (Item(item_id="i", attributes={"none": AttributeValue()}), "items[0].attributes.none"),
        (Item(item_id="i", attributes={"": AttributeValue(bool_value=True)}), "items[0].attributes key"),
        (Item(item_id="i", attributes={str(n): AttributeValue(bool_value=True) for n in range(257)}), "attributes"),
        (Item(item_id="i", attributes={"s": AttributeValue(string_value="é" * 40_000)}), "items[0].attributes.s"),
        (Item(item_id="i\x7f"), "items[0].item_id"),
    ],
)
def test_bad_items(server: object, item: Item, field: str) -> None:
    with grpc.insecure_channel(server.address) as channel:
        stub = item_service_pb2_grpc.ItemServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.BatchUpsertItems(item_service_pb2.BatchUpsertItemsRequest(items=[item]))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in caught.value.details()


def test_batch_sizes(shelf: Client, server: object) -> None:
    for call in (
        lambda: shelf.upsert_items({}),
        lambda: shelf.upsert_items({str(n): {} for n in range(1001)}),
        lambda: shelf.delete_users([]),
        lambda: shelf.delete_users(["u"] * 1001),
        lambda: shelf.write_interactions([]),
        lambda: shelf.write_interactions([Interaction(user_id="u", item_id="i")] * 10_001),
    ):
        with pytest.raises(InvalidInputError):
            call()
    with grpc.insecure_channel(server.address) as channel:
        stub = item_service_pb2_grpc.ItemServiceStub(channel)
        with pytest.raises(grpc.RpcError, match="occurs twice"):
            stub.BatchUpsertItems(item_service_pb2.BatchUpsertItemsRequest(items=[Item(item_id="i")] * 2))


def test_a_time_out_of_range(shelf: Client) -> None:
    late = Interaction(user_id="u", item_id="i")
    late.time.seconds = 10**13
    with pytest.raises(InvalidInputError, match=r"interactions\[0\].time"):
        shelf.write_interactions([late])


def test_unknown_attributes_are_stored_and_named(client: Client) -> None:
    written = client.upsert_users({"odd": {"taste": "calm", "shoe_size": 44}})
    assert list(written.unknown_attributes) == ["shoe_size"]
    assert attributes_of(client.get_user("odd"))["shoe_size"] == 44
    assert client.recommend("odd", min_write_token=written.write_token).items


def test_a_conflict_of_kind_is_refused(client: Client) -> None:
    with pytest.raises(InvalidInputError) as caught:
        client.upsert_users({"fine": {"age": "25"}, "odd-age": {"age": "old"}})
    assert [v.field for v in caught.value.violations] == ["users[1].attributes.age"]
    with pytest.raises(NotFoundError):
        client.get_user("fine")


def test_a_repeated_request_writes_once(client: Client) -> None:
    batch = [{"user_id": "twice", "item_id": f"item-{n:02}", "value": 4.0} for n in range(3)]
    first = client.write_interactions(batch, request_id="request-1")
    assert (first.written_count, first.unchanged_count) == (3, 0)
    assert client.write_interactions(batch, request_id="request-1") == first
    with pytest.raises(ConflictError, match="request-1") as caught:
        client.write_interactions(batch[:2], request_id="request-1")
    assert caught.value.reason is Reason.REQUEST_ID_REUSED
    third = client.write_interactions(batch, request_id="request-2")
    assert (third.written_count, third.unchanged_count) == (0, 3)


def test_an_interaction_id_is_an_identity(client: Client) -> None:
    for value in (1.0, 5.0):
        written = client.write_interactions(
            [{"interaction_id": "one", "user_id": "ident", "item_id": "item-01", "value": value, "time": value}]
        )
        assert written.written_count == 1
    answer = client.recommend("ident", limit=1000, min_write_token=written.write_token)
    assert answer.scenario == Scenario.SCENARIO_FEW_SHOT
    assert "item-01" not in {item.item_id for item in answer.items}


def test_reading_your_writes(client: Client) -> None:
    before = client.recommend("reader", limit=1000)
    for n, item in enumerate(before.items[:6]):
        written = client.write_interactions([{"user_id": "reader", "item_id": item.item_id, "value": 5.0, "time": n}])
        answer = client.recommend("reader", limit=1000, min_write_token=written.write_token)
        assert item.item_id not in {one.item_id for one in answer.items}
        assert not [note for note in answer.degraded if "user" in note.detail]
    written = client.delete_users(["reader"])
    answer = client.recommend("reader", limit=1000, min_write_token=written.write_token)
    assert answer.scenario == Scenario.SCENARIO_NEW_USER
    assert len(answer.items) == len(before.items)


def test_a_new_item_is_recommended_at_once_and_a_deleted_one_never(client: Client) -> None:
    profile = {"taste": "loud"}
    token = client.upsert_items({"item-live": {"genres": "loud|new", "title": "a loud novelty"}}).write_token
    shown = [item.item_id for item in client.recommend(profile=profile, limit=1000, min_write_token=token).items]
    assert "item-live" in shown
    near = client.similar_items("item-live", limit=3)
    assert near.scenario == Scenario.SCENARIO_NEW_ITEM
    assert len(near.items) == 3
    token = client.delete_items(["item-live", "item-23"]).write_token
    shown = [item.item_id for item in client.recommend(profile=profile, limit=1000, min_write_token=token).items]
    assert not {"item-live", "item-23"} & set(shown)
    with pytest.raises(NotFoundError):
        client.similar_items("item-live")
    token = client.upsert_items({"item-23": {"genres": "loud|new"}}).write_token
    assert "item-23" in {i.item_id for i in client.recommend(limit=1000, min_write_token=token).items}


def test_writers_at_once_lose_nothing(client: Client) -> None:
    def write(name: str) -> None:
        for n in range(10):
            client.write_interactions([{"user_id": name, "item_id": f"item-{n:02}", "value": 3.0, "time": n}])

    threads = [threading.Thread(target=write, args=(f"writer-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    token = client.upsert_users({"last": {}}).write_token
    for n in range(4):
        answer = client.recommend(f"writer-{n}", limit=1000, min_write_token=token)
        assert not {f"item-{n:02}" for n in range(10)} & {item.item_id for item in answer.items}

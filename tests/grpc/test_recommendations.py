import time

import pytest

from firstlight.client import Client, query
from firstlight.errors import InvalidInputError, NotFoundError, PreconditionError, Reason
from firstlight.testing import CALM_ITEMS, LOUD_ITEMS
from firstlight.v1.recommendation_pb2 import Degradation, HistoryEntry, Recommendation, Route, Scenario

pytestmark = pytest.mark.xdist_group("grpc")

CALM = {f"item-{n:02}" for n in CALM_ITEMS}
LOUD = {f"item-{n:02}" for n in LOUD_ITEMS}
NEWCOMER = {"age": 30, "taste": "calm"}


def ids(answer: Recommendation) -> list[str]:
    return [item.item_id for item in answer.items]


def notes(answer: Recommendation) -> set[str]:
    return {Degradation.Reason.Name(note.reason).removeprefix("REASON_") for note in answer.degraded}


def shown(answer: Recommendation) -> Recommendation:
    """The answer without its token, which is new each time."""
    copy = Recommendation()
    copy.CopyFrom(answer)
    copy.attribution_token = ""
    return copy


@pytest.mark.parametrize(("taste", "own"), [("calm", CALM), ("loud", LOUD)])
def test_a_new_user_gets_what_their_profile_tells(client: Client, taste: str, own: set[str]) -> None:
    answer = client.recommend(profile={"taste": taste}, limit=8)
    assert len(answer.items) == 8
    assert set(ids(answer)) <= own
    assert answer.scenario == Scenario.SCENARIO_NEW_USER
    assert answer.bundle_id == "bundle-1"
    assert answer.strategy == "popularity"
    assert answer.attribution_token
    assert not answer.degraded
    best = answer.items[0]
    assert best.source == "popularity"
    assert best.reason_text
    assert (best.reason.attribute.name, best.reason.attribute.value) == ("taste", taste)
    scores = [item.score for item in answer.items]
    assert scores == sorted(scores, reverse=True)


def test_an_unknown_user_is_a_new_user(client: Client) -> None:
    answer = client.recommend("nobody-ever-met", profile={"taste": "loud"}, limit=8)
    assert set(ids(answer)) <= LOUD
    assert answer.scenario == Scenario.SCENARIO_NEW_USER
    assert not answer.degraded


def test_a_stored_user_is_known_and_the_request_overrides(client: Client) -> None:
    stored = client.recommend("user-1", limit=20)
    assert stored.scenario == Scenario.SCENARIO_FEW_SHOT
    assert ids(stored)[0] in LOUD
    assert ids(client.recommend("user-1", profile={"taste": "calm"}, limit=20))[0] in CALM


def test_what_was_seen_is_left_out_unless_wanted(client: Client, store: object) -> None:
    seen = {one.item_id for one in store.list_interactions("default", "user-1")}
    assert len(seen) == 10
    without = client.recommend("user-1", limit=30)
    assert not seen & set(ids(without))
    assert seen <= set(ids(client.recommend("user-1", limit=30, include_seen=True)))
    assert notes(without) == {"LIST_SHORT"}


def test_a_route_can_be_asked_for_and_is_named(client: Client) -> None:
    assert client.recommend(limit=3).route == Route.ROUTE_FULL
    fast = client.recommend(limit=3, route="fast")
    assert fast.route == Route.ROUTE_FULL, "the bundle has no fast route"
    assert client.similar_items("item-00").route == Route.ROUTE_UNSPECIFIED
    with pytest.raises(ValueError, match="ROUTE_QUICK"):
        client.recommend(route="quick")


def test_history_context_and_exclusions_of_the_request(client: Client) -> None:
    answer = client.recommend(history={"item-00": 5.0}, context=["item-02"], exclude=["item-04"], limit=1000)
    assert not {"item-00", "item-02", "item-04"} & set(ids(answer))
    assert answer.scenario == Scenario.SCENARIO_FEW_SHOT


def test_limits(client: Client) -> None:
    assert ids(client.recommend(limit=0)) == ids(client.recommend(limit=20))
    assert len(client.recommend(limit=3).items) == 3
    huge = client.recommend(limit=10**9)
    assert "LIMIT_CUT" in notes(huge)
    assert len(huge.items) >= 24
    with pytest.raises(InvalidInputError) as caught:
        client.recommend(limit=-1)
    assert [v.field for v in caught.value.violations] == ["query.limit"]


def test_batch_equals_single(client: Client) -> None:
    queries = [
        query("user-1", limit=5),
        query(profile=NEWCOMER, limit=7),
        query(history=["item-03", ("item-05", 1.0)], limit=3, include_seen=True),
        query("user-1", limit=5),
        query(),
    ]
    batch = client.batch_recommend(queries)
    alone = [
        client.recommend("user-1", limit=5),
        client.recommend(profile=NEWCOMER, limit=7),
        client.recommend(history=["item-03", ("item-05", 1.0)], limit=3, include_seen=True),
        client.recommend("user-1", limit=5),
        client.recommend(),
    ]
    assert list(map(shown, batch)) == list(map(shown, alone))


def test_rank_orders_the_candidates_as_recommend_does(client: Client) -> None:
    whole = ids(client.recommend(profile=NEWCOMER, limit=1000))
    candidates = ["item-09", "item-00", "item-07", "item-02", "item-02", "no-such-item"]
    answer = client.rank(candidates, profile=NEWCOMER)
    assert ids(answer) == sorted({"item-09", "item-00", "item-07", "item-02"}, key=whole.index)
    assert "UNKNOWN_ITEM" in notes(answer)


def test_similar_items_share_the_taste(client: Client) -> None:
    answer = client.similar_items("item-03", limit=5)
    assert len(answer.items) == 5
    assert "item-03" not in ids(answer)
    assert ids(answer)[0] in LOUD
    assert answer.items[0].reason.history_item_id == "item-03"
    with pytest.raises(NotFoundError, match="no item 'nothing'") as caught:
        client.similar_items("nothing")
    assert caught.value.reason is Reason.ITEM_NOT_FOUND


def test_attributes_convert_by_kind_and_unknown_ones_are_named(client: Client) -> None:
    answer = client.recommend(profile={"age": "30", "taste": "calm", "shoe_size": 44})
    assert [(note.component, note.detail) for note in answer.degraded] == [("", "ignored: shoe_size")]
    assert notes(answer) == {"UNKNOWN_ATTRIBUTE"}
    assert ids(answer) == ids(client.recommend(profile=NEWCOMER))
    with pytest.raises(InvalidInputError, match="numeric") as caught:
        client.recommend(profile={"age": "thirty"})
    assert [v.field for v in caught.value.violations] == ["query.profile.age"]
    with pytest.raises(InvalidInputError) as caught:
        client.batch_recommend([query(), query(profile={"age": "thirty"})])
    assert [v.field for v in caught.value.violations] == ["queries[1].profile.age"]


def test_a_long_history_is_cut_and_said(client: Client) -> None:
    long = [f"item-{n % 24:02}" for n in range(1001)]
    assert "HISTORY_TRUNCATED" in notes(client.recommend(history=long, include_seen=True))
    assert "HISTORY_TRUNCATED" not in notes(client.recommend(history=long[1:], include_seen=True))


def test_what_was_seen_long_ago_is_left_out_too(client: Client) -> None:
    seen = enumerate(["item-00", *["item-01"] * 1200])
    batch = [{"user_id": "old-hand", "item_id": item, "value": 5.0, "time": time} for time, item in seen]
    token = client.write_interactions(batch).write_token
    answer = client.recommend("old-hand", limit=30, min_write_token=token)
    assert notes(answer) >= {"HISTORY_TRUNCATED"}
    assert not {"item-00", "item-01"} & set(ids(answer))
    client.delete_users(["old-hand"])


def test_100_000_history_entries_are_the_most(client: Client) -> None:
    entry = HistoryEntry(item_id="item-00")
    assert client.recommend(history=[entry] * 100_000, include_seen=True).items
    with pytest.raises(InvalidInputError) as caught:
        client.recommend(history=[entry] * 100_001)
    assert [v.field for v in caught.value.violations] == ["query.history"]
    assert "100,000" in caught.value.violations[0].description


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        (lambda c: c.recommend("a\nb"), ["query.user_id"]),
        (lambda c: c.recommend("x" * 257), ["query.user_id"]),
        (lambda c: c.recommend(history={"item-00": float("nan")}), ["query.history[0].value"]),
        (lambda c: c.recommend(history=["item-00", ""]), ["query.history[1].item_id"]),
        (lambda c: c.recommend(profile={"age": float("inf")}), ["query.profile.age"]),
        (lambda c: c.recommend(context=["item-00"] * 101), ["query.context_item_ids"]),
        (lambda c: c.recommend(exclude=["item-00"] * 10_001), ["query.exclude_item_ids"]),
        (lambda c: c.recommend(min_write_token="soon"), ["min_write_token"]),
        (lambda c: c.recommend(min_write_token="999999999"), ["min_write_token"]),
        (lambda c: c.batch_recommend([]), ["queries"]),
        (lambda c: c.batch_recommend([query()] * 257), ["queries"]),
        (lambda c: c.batch_recommend([query(), query(limit=-3)]), ["queries[1].limit"]),
        (lambda c: c.rank([]), ["candidate_item_ids"]),
        (lambda c: c.rank(["item-00"] * 1001), ["candidate_item_ids"]),
        (lambda c: c.rank(["item-00", ""]), ["candidate_item_ids[1]"]),
        (lambda c: c.similar_items("item-00", limit=-1), ["limit"]),
        (lambda c: c.similar_items(""), ["item_id"]),
        (lambda c: c.with_options(catalog_id="No Such!").recommend(), ["catalog_id"]),
    ],
)
def test_bad_input_names_the_field(client: Client, call: object, fields: list[str]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        call(client)
    assert [v.field for v in caught.value.violations] == fields
    assert caught.value.total == len(fields)
    assert caught.value.reason is Reason.INVALID_FIELD
    assert fields[0] in str(caught.value)


def test_before_any_bundle_is_active(client: Client) -> None:
    empty = client.with_options(catalog_id="not-trained-yet")
    calls = (
        empty.recommend,
        lambda: empty.batch_recommend([query()]),
        lambda: empty.rank(["a"]),
        lambda: empty.similar_items("a"),
        empty.get_bundle,
    )
    for call in calls:
        with pytest.raises(PreconditionError, match="'not-trained-yet' has no active bundle") as caught:
            call()
        assert caught.value.reason is Reason.NO_ACTIVE_BUNDLE


def test_a_call_is_quick_enough_not_to_notice(client: Client) -> None:
    began = time.monotonic()
    for _ in range(20):
        client.recommend("user-2")
    assert time.monotonic() - began < 5

"""One bundle that answers, on real components and on components made to fail."""

import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from firstlight.domain import HistoryEntry, Query, ReasonCode, Scenario, Scores
from firstlight.errors import InvalidInputError
from firstlight.pipeline import DegradationReason, Engine, Model, Recommendation, UserState
from firstlight.pipeline.routes import Routes
from firstlight.plugins import Plugins, Registration

READER = {"camp": "reader", "age": 25}
GAMER = {"camp": "gamer", "age": 30}
HALF = 20


def ids(answer: Recommendation) -> list[str]:
    return [item.item_id for item in answer.items]


def reasons(answer: Recommendation) -> set[DegradationReason]:
    return {note.reason for note in answer.degraded}


def number(item_id: str) -> int:
    return int(item_id.removeprefix("item-"))


def likes(*numbers: int, value: float | None = 5.0) -> tuple[HistoryEntry, ...]:
    return tuple(HistoryEntry(f"item-{n:02d}", value) for n in numbers)


def answer(engine: Engine, query: Query, **given: Any) -> Recommendation:
    return engine.recommend([query], **given)[0]


# ---------------------------------------------------------------- what an answer is


def test_a_new_user_gets_what_people_like_them_choose(engine: Engine):
    found = answer(engine, Query(profile=GAMER, limit=8))
    assert found.scenario is Scenario.NEW_USER
    assert sum(number(i) >= HALF for i in ids(found)) >= 6
    assert ids(found) != ids(answer(engine, Query(profile=READER, limit=8)))
    assert found.bundle_id == "b1"
    assert found.strategy == "popularity"
    assert not found.degraded


def test_scores_fall_and_every_item_has_a_source_and_a_line(engine: Engine):
    found = answer(engine, Query(profile=READER, limit=10))
    scores = [item.score for item in found.items]
    assert scores == sorted(scores, reverse=True)
    assert {item.source for item in found.items} == {"popularity"}
    assert all(item.reason_text for item in found.items)
    segment = [i for i in found.items if i.reason and i.reason.code is ReasonCode.POPULAR_IN_SEGMENT]
    assert segment
    assert segment[0].reason.attribute.split("=")[0] in {"camp", "age"}


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, Scenario.NEW_USER), (1, Scenario.FEW_SHOT), (10, Scenario.FEW_SHOT), (11, Scenario.WARM)],
)
def test_the_scenario_follows_the_number_of_interactions(engine: Engine, count: int, expected: Scenario):
    assert answer(engine, Query(history=likes(*range(count)))).scenario is expected


def test_batch_equals_single(engine: Engine):
    queries = [
        Query(profile=READER, limit=5),
        Query(limit=30, history=likes(1, 2, 3)),
        Query(profile=GAMER, history=likes(25), exclude=("item-21",), limit=20),
        Query(candidates=("item-05", "item-30", "nope"), limit=3),
        Query(limit=0),
        Query(limit=1000, include_seen=True, history=likes(4)),
    ]
    together = engine.recommend(queries)
    for alone, one in zip((answer(engine, q) for q in queries), together, strict=True):
        assert ids(alone) == ids(one)
        np.testing.assert_allclose([i.score for i in alone.items], [i.score for i in one.items], atol=1e-5)
        assert replace(alone, items=(), attribution_token="") == replace(one, items=(), attribution_token="")
        assert [i.reason for i in alone.items] == [i.reason for i in one.items]


def test_no_queries_give_no_answers(engine: Engine):
    assert engine.recommend([]) == []


def test_attribution_tokens_are_unique_url_safe_and_name_the_bundle(engine: Engine):
    tokens = [one.attribution_token for one in engine.recommend([Query()] * 50)]
    assert len(set(tokens)) == 50
    assert all(t.startswith("b1.") and t.replace(".", "").isalnum() and len(t) <= 256 for t in tokens)


# ---------------------------------------------------------------- what is shown


def test_history_exclusions_and_context_are_not_shown_and_the_list_is_full(engine: Engine):
    seen = likes(0, 1, 2, 3)
    found = answer(engine, Query(history=seen, exclude=("item-04", "unknown"), context=("item-05",), limit=34))
    assert len(found.items) == 34
    assert not {f"item-0{n}" for n in range(6)} & set(ids(found))
    assert len(set(ids(found))) == 34


def test_seen_items_are_shown_where_that_is_asked_for(engine: Engine):
    query = Query(history=likes(*range(38)), limit=40)
    assert len(answer(engine, query).items) == 2
    assert len(answer(engine, replace(query, include_seen=True)).items) == 40


def test_lists_stay_full_when_the_first_proposals_are_all_excluded(engine: Engine, monkeypatch):
    """Generators are asked again, wider, until what is left fills the list."""
    monkeypatch.setattr("firstlight.pipeline.shortlist.PER_GENERATOR", 5)
    best = ids(answer(engine, Query(limit=30)))
    found = answer(engine, Query(exclude=tuple(best[:25]), limit=5))
    assert ids(found) == best[25:30]
    assert not found.degraded


def test_given_candidates_are_ranked_and_nothing_else_is(engine: Engine):
    given = ("item-03", "item-31", "item-07", "item-03")
    found = answer(engine, Query(profile=READER, candidates=given, limit=10))
    assert sorted(ids(found)) == ["item-03", "item-07", "item-31"]
    order = [i for i in ids(answer(engine, Query(profile=READER, limit=40))) if i in given]
    assert ids(found) == order


def test_exclusions_hold_for_given_candidates_too(engine: Engine):
    query = Query(candidates=("item-01", "item-02", "item-03"), exclude=("item-02",), history=likes(3))
    assert ids(answer(engine, query)) == ["item-01"]
    assert ids(answer(engine, Query(candidates=()))) == []


def test_unknown_candidates_and_history_items_are_ignored_and_counted(engine: Engine):
    found = answer(engine, Query(candidates=("item-01", "x", "y"), history=(*likes(2), HistoryEntry("z", 1.0))))
    details = [note.detail for note in found.degraded if note.reason is DegradationReason.UNKNOWN_ITEM]
    assert details == ["1 of 2 history items are not in this bundle", "2 of 3 candidate items are not in this bundle"]
    assert found.scenario is Scenario.FEW_SHOT


# ---------------------------------------------------------------- limits


def test_limit_0_is_an_empty_list(engine: Engine):
    assert answer(engine, Query(limit=0)).items == ()


def test_a_limit_beyond_the_catalogue_gives_all_of_it_and_says_so(engine: Engine):
    found = answer(engine, Query(limit=1000))
    assert len(found.items) == 40
    assert reasons(found) == {DegradationReason.LIST_SHORT}


def test_a_limit_above_the_maximum_is_cut_and_says_so(engine: Engine):
    assert DegradationReason.LIMIT_CUT in reasons(answer(engine, Query(limit=10**9)))


def test_a_negative_limit_is_refused_with_its_path(engine: Engine):
    with pytest.raises(InvalidInputError) as caught:
        engine.recommend([Query(), Query(limit=-1)])
    assert caught.value.violations[0].field == "queries[1].limit"


def test_the_newest_1000_history_entries_are_used_and_that_is_said(engine: Engine):
    old, new = likes(*[30] * 500), likes(*[1, 2] * 500)
    long, short = engine.recommend([Query(history=old + new), Query(history=new)])
    assert reasons(long) == {DegradationReason.HISTORY_TRUNCATED}
    assert not reasons(short)
    assert "item-30" not in ids(long), "what was seen long ago is still not shown again"
    kept = [i for i in long.items if i.item_id in ids(short)]
    assert [i.score for i in kept] == [i.score for i in short.items if i.item_id in ids(long)]


def test_more_than_100000_history_entries_are_refused_with_the_path(engine: Engine):
    most = likes(1) * 100_000
    assert answer(engine, Query(history=most)).items
    with pytest.raises(InvalidInputError) as caught:
        engine.recommend([Query(history=most + likes(1))])
    assert caught.value.violations[0].field == "queries[0].history"


# ---------------------------------------------------------------- profiles


def test_profile_strings_are_converted_by_kind(engine: Engine):
    text, typed = engine.recommend([Query(profile={"age": "25"}), Query(profile={"age": 25})])
    assert ids(text) == ids(typed)


def test_attributes_the_bundle_does_not_know_are_ignored_and_named(engine: Engine):
    found, known = engine.recommend([Query(profile={**READER, "shoe_size": 43}), Query(profile=READER)])
    assert [(n.reason, n.detail) for n in found.degraded] == [
        (DegradationReason.UNKNOWN_ATTRIBUTE, "ignored: shoe_size")
    ]
    assert ids(found) == ids(known)


def test_a_given_value_of_the_wrong_kind_is_refused_with_its_path(engine: Engine):
    with pytest.raises(InvalidInputError) as caught:
        engine.recommend([Query(), Query(profile={"age": "old"})])
    assert caught.value.violations[0].field == "queries[1].profile.age"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_history_values_must_be_finite(engine: Engine, value: float):
    with pytest.raises(InvalidInputError) as caught:
        engine.recommend([Query(history=(HistoryEntry("item-01"), HistoryEntry("item-02", value)))])
    assert caught.value.violations[0].field == "queries[0].history[1].value"


def test_at_most_20_violations_are_listed_and_all_are_counted(engine: Engine):
    with pytest.raises(InvalidInputError) as caught:
        engine.recommend([Query(limit=-1)] * 30)
    assert (len(caught.value.violations), caught.value.total) == (20, 30)


# ---------------------------------------------------------------- stored users


def test_a_query_is_completed_from_what_is_stored(engine: Engine):
    users = {"u": UserState(GAMER, likes(21, 22))}
    stored = answer(engine, Query(user_id="u", limit=30), users=users)
    assert ids(stored) == ids(answer(engine, Query(profile=GAMER, history=likes(21, 22), limit=30)))
    inline = answer(engine, Query(user_id="u", profile={"camp": "reader"}, history=likes(1), limit=30), users=users)
    merged = Query(profile={**GAMER, "camp": "reader"}, history=likes(21, 22, 1), limit=30)
    assert ids(inline) == ids(answer(engine, merged))


def test_a_user_whose_state_is_missing_is_answered_and_that_is_said(engine: Engine):
    found = answer(engine, Query(user_id="u", profile=READER), users={})
    assert reasons(found) == {DegradationReason.USER_STATE_UNAVAILABLE}
    assert found.items


def test_a_stored_value_of_the_wrong_kind_is_ignored_and_named(engine: Engine):
    users = {"u": UserState({"age": "old", "camp": "gamer"})}
    found = answer(engine, Query(user_id="u"), users=users)
    assert reasons(found) == {DegradationReason.UNKNOWN_ATTRIBUTE}
    assert ids(found) == ids(answer(engine, Query(profile={"camp": "gamer"})))


def test_stored_items_the_bundle_does_not_know_are_no_news(engine: Engine):
    users = {"u": UserState({}, (HistoryEntry("deleted long ago"),))}
    assert not answer(engine, Query(user_id="u"), users=users).degraded


# ---------------------------------------------------------------- faults


class Component:
    """Speaks about every item, as ``answer`` tells it to."""

    requires = ()

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def score(self, queries: Any, positions: np.ndarray) -> Any:
        return self.answer(queries, positions)

    def explain(self, queries: Any, positions: np.ndarray) -> Any:
        raise RuntimeError("no words")

    def fit(self, *_: Any) -> Any:
        raise NotImplementedError

    export = load = fit


def raising(*_: Any) -> Scores:
    raise RuntimeError("secret internals")


def not_a_number(queries: Any, positions: np.ndarray) -> Scores:
    return Scores(np.full(positions.shape, np.nan, np.float32), positions >= 0)


def wrong_shape(queries: Any, positions: np.ndarray) -> Scores:
    return Scores(np.zeros((1, 1), np.float32), np.ones((1, 1), bool))


def with_components(engine: Engine, **components: Any) -> Engine:
    engine.routes = replace_model(engine, components={**engine.model.components, **components})
    return engine


def replace_model(engine: Engine, **changed: Any) -> Any:
    model = engine.model
    kept = {
        "items": model.items,
        "components": model.components,
        "ranker": model.ranker,
        "positive_value": model.positive_value,
        "profile_fields": model.profile_fields,
    }
    return Routes(Model(**(kept | changed)))


@pytest.mark.parametrize("fault", [raising, not_a_number, wrong_shape])
def test_a_faulty_component_is_skipped_named_and_observed(engine: Engine, fault: Any, caplog, hooked):
    observed: list[tuple[str, str]] = []
    hooked(
        firstlight_component_error=lambda catalog_id, component, error: observed.append((catalog_id, component)),
    )
    expected = ids(answer(engine, Query(profile=READER)))
    with caplog.at_level(logging.WARNING):
        found = answer(with_components(engine, broken=Component(fault)), Query(profile=READER))
    assert ids(found) == expected
    assert [(n.reason, n.component) for n in found.degraded] == [(DegradationReason.COMPONENT_FAILED, "broken")]
    assert "secret" not in found.degraded[0].detail
    assert "broken" in caplog.text
    assert observed == [("default", "broken")]


def test_observers_see_each_batch_and_their_failure_changes_nothing(engine: Engine, hooked):
    seen: list[Any] = []
    hooked(
        firstlight_before_recommend=lambda queries: seen.append(len(queries)),
        firstlight_after_recommend=lambda positions: seen.append(positions.tolist()),
    )
    hooked(firstlight_before_recommend=raising)
    found = engine.recommend([Query(limit=2), Query(limit=1)])
    shown = [[number(i) for i in ids(one)] for one in found]
    assert seen == [2, [shown[0], [shown[1][0], -1]]]


def sum_of_scores(inputs: Any) -> Any:
    from firstlight.domain import Ranked

    values = np.where(inputs.positions >= 0, inputs.scores.sum(axis=0), -np.inf)
    return Ranked(values.astype(np.float32), inputs.scores)


def test_the_source_is_the_component_that_lifts_an_item_above_the_others(engine: Engine):
    """A component that adds 100 to every item lifts none; one that adds 50 to item 7 alone is its source."""
    constant = Component(lambda q, p: Scores(np.where(p >= 0, 100.0, 0).astype(np.float32), p >= 0))
    picky = Component(lambda q, p: Scores(np.where(p == 7, 50.0, 0).astype(np.float32), p >= 0))
    with_components(engine, constant=constant, picky=picky)
    engine.routes = replace_model(engine, ranker=SimpleNamespace(rank=sum_of_scores))
    found = answer(engine, Query(limit=10))
    assert found.items[0].item_id == "item-07"
    assert found.items[0].source == "picky"
    assert found.items[0].reason is None
    assert found.items[0].reason_text == "suggested by picky"
    assert found.items[1].source == "popularity"
    assert found.strategy == "picky"
    assert {n.component for n in found.degraded} == {"picky"}, "its explanation failed"


def test_equal_scores_are_ordered_by_position(engine: Engine):
    engine.routes = replace_model(
        engine,
        ranker=SimpleNamespace(
            rank=lambda i: replace(sum_of_scores(i), values=np.where(i.positions < 0, -np.inf, 1).astype(np.float32))
        ),
    )
    assert ids(answer(engine, Query(limit=40))) == [f"item-{n:02d}" for n in range(40)]


# ---------------------------------------------------------------- routes


def with_fast_route(engine: Engine, quality: dict[int, float]) -> Engine:
    """A full route that ranks by falling position, and popularity alone as the fast one."""
    down = SimpleNamespace(
        rank=lambda i: replace(
            sum_of_scores(i), values=np.where(i.positions < 0, -np.inf, i.positions).astype(np.float32)
        )
    )
    full = replace(engine.model, ranker=down)
    engine.routes = Routes(full, full.of(("popularity",)), quality)
    return engine


def test_a_query_takes_the_route_that_it_asks_for(engine: Engine):
    popular = ids(answer(engine, Query(limit=40)))
    with_fast_route(engine, {})
    full, fast, unasked = engine.recommend([Query(limit=5, route=r) for r in ("full", "fast", None)])
    assert (full.route, fast.route, unasked.route) == ("full", "fast", "full")
    assert ids(full) == ids(unasked) == [f"item-{n:02d}" for n in range(39, 34, -1)]
    assert ids(fast) == popular[:5]


def test_the_fast_route_is_taken_unasked_where_it_is_good_enough(engine: Engine):
    with_fast_route(engine, {0: 0.98, 1: 0.96, 3: 0.97, 11: 0.5})
    found = engine.recommend([Query(history=likes(*range(n))) for n in (0, 1, 2, 3, 10, 11, 30)])
    assert [one.route for one in found] == ["fast", "full", "full", "fast", "fast", "full", "full"]


def test_routes_mixed_in_a_batch_change_no_answer(engine: Engine, hooked):
    with_fast_route(engine, {0: 1.0, 1: 0.0})
    seen: list[Any] = []
    hooked(firstlight_after_recommend=lambda positions: seen.append(positions.tolist()))
    asked = [
        Query(limit=3, history=likes(1, 2)),
        Query(limit=2, profile=READER, exclude=("item-00",)),
        Query(limit=40, route="full", candidates=("item-05", "item-06")),
        Query(limit=4, history=likes(30), route="fast"),
    ]
    together = engine.recommend(asked)
    assert [one.route for one in together] == ["full", "fast", "full", "fast"]
    for one, query, shown in zip(together, asked, seen[0], strict=True):
        alone = answer(engine, query)
        assert [i._replace(score=round(i.score, 5)) for i in one.items] == [
            i._replace(score=round(i.score, 5)) for i in alone.items
        ]
        assert [p for p in shown if p >= 0] == [number(i) for i in ids(one)]
    assert "item-00" not in ids(together[1])


def test_without_a_fast_route_everything_takes_the_full_one(engine: Engine):
    assert answer(engine, Query(route="fast")).route == "full"


# ---------------------------------------------------------------- filters, rerankers, scenarios


def with_role(engine: Engine, role: str, component: Any) -> Engine:
    getattr(engine, f"_{role}s")["mine"] = component
    return engine


def test_filters_apply_before_the_cut(engine: Engine):
    only_odd = SimpleNamespace(allow=lambda queries, positions: positions % 2 == 1)
    found = answer(with_role(engine, "filter", only_odd), Query(limit=20))
    assert len(found.items) == 20
    assert all(number(i) % 2 for i in ids(found))


def test_a_failing_filter_or_reranker_is_skipped_and_named(engine: Engine):
    expected = ids(answer(engine, Query()))
    with_role(engine, "filter", SimpleNamespace(allow=lambda *_: np.ones((1, 1))))
    found = answer(with_role(engine, "reranker", SimpleNamespace(rerank=lambda *a: np.zeros_like(a[1]))), Query())
    assert ids(found) == expected
    assert [n.component for n in found.degraded] == ["mine"]


def test_rerankers_see_everything_best_first_before_the_cut(engine: Engine):
    def worst_first(queries: Any, positions: np.ndarray, values: np.ndarray) -> np.ndarray:
        assert (np.diff(values, axis=1) <= 0).all()
        return np.tile(np.arange(positions.shape[1])[::-1], (len(positions), 1))

    everything = ids(answer(engine, Query(limit=40)))
    found = answer(with_role(engine, "reranker", SimpleNamespace(rerank=worst_first)), Query(limit=5))
    assert ids(found) == everything[::-1][:5]


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (lambda queries, evidence: np.full(len(queries), Scenario.WARM, np.int8), Scenario.WARM),
        (lambda queries, evidence: None, Scenario.NEW_USER),
        (lambda queries, evidence: np.array([99]), Scenario.NEW_USER),
        (lambda queries, evidence: 1 / 0, Scenario.NEW_USER),
    ],
)
def test_a_plugin_may_name_scenarios(engine: Engine, hooked, verdict: Any, expected: Scenario):
    hooked(firstlight_classify_scenarios=verdict)
    assert answer(engine, Query()).scenario is expected


# ---------------------------------------------------------------- loading


def test_a_component_that_cannot_be_loaded_is_left_out_of_every_answer(bundle_path, plugins: Plugins):
    partial = replace(plugins, registrations={k: v for k, v in plugins.registrations.items() if k != "neighbours"})
    engine = Engine.open(bundle_path, partial)
    found = answer(engine, Query(profile=READER))
    assert [n.component for n in found.degraded] == ["neighbours"]
    assert found.items


def test_a_bundle_without_its_floor_is_refused(bundle_path, plugins: Plugins):
    from firstlight.errors import PluginError

    partial = replace(plugins, registrations={k: v for k, v in plugins.registrations.items() if k != "popularity"})
    with pytest.raises(PluginError, match="popularity"):
        Engine.open(bundle_path, partial)


def test_filters_come_from_plugins(bundle_path, plugins: Plugins):
    nothing = SimpleNamespace(allow=lambda queries, positions: np.zeros(positions.shape, bool))
    registrations = {
        **plugins.registrations,
        "nothing": Registration("nothing", "candidate_filter", "test", lambda: nothing),
        "broken": Registration("broken", "candidate_filter", "test", raising),
    }
    engine = Engine.open(bundle_path, replace(plugins, registrations=registrations))
    assert answer(engine, Query()).items == ()

"""Items that come, change and go while a bundle answers."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from firstlight.domain import HistoryEntry, Item, Query, Scenario
from firstlight.errors import NotFoundError
from firstlight.pipeline import DegradationReason, Engine, Recommendation

GAMER = {"camp": "gamer", "age": 25}


def shown(engine: Engine, **query: object) -> list[str]:
    return [i.item_id for i in engine.recommend([Query(limit=1000, **query)])[0].items]


def score(engine: Engine, item_id: str) -> float:
    (item,) = engine.recommend([Query(profile=GAMER, candidates=(item_id,))])[0].items
    return item.score


def test_a_new_item_is_recommended_at_once(engine: Engine):
    assert "fresh" not in shown(engine)
    engine.add_items([Item("fresh", {"shelf": "games", "year": 1995})])
    assert "fresh" in shown(engine)
    assert len(shown(engine)) == 41


def test_a_new_item_is_a_candidate_and_a_piece_of_history(engine: Engine):
    engine.add_items([Item("fresh", {"shelf": "games"})])
    answer = engine.recommend([Query(history=(HistoryEntry("fresh", 5.0),))])[0]
    assert answer.scenario is Scenario.FEW_SHOT
    assert not answer.degraded
    assert "fresh" not in {i.item_id for i in answer.items}


def test_changed_attributes_of_a_live_item_count_at_once(engine: Engine):
    engine.add_items([Item("a", {"shelf": "games", "year": 1991}), Item("b", {"shelf": "books", "year": 1991})])
    before = score(engine, "b")
    engine.add_items([Item("b", {"shelf": "games", "year": 1991})])
    assert score(engine, "b") == pytest.approx(score(engine, "a"))
    assert score(engine, "b") != pytest.approx(before)
    assert len(shown(engine)) == 42


def test_an_item_of_the_bundle_keeps_its_vectors_until_the_next_training(engine: Engine):
    before = score(engine, "item-01")
    engine.add_items([Item("item-01", {"shelf": "games", "year": 2030})])
    assert score(engine, "item-01") == before
    assert len(shown(engine)) == 40


def test_a_removed_item_is_not_shown_and_adding_it_again_brings_it_back(engine: Engine):
    engine.add_items([Item("fresh", {})])
    engine.remove_items(["item-01", "fresh", "never there"])
    assert not {"item-01", "fresh"} & set(shown(engine))
    assert len(shown(engine)) == 39
    with pytest.raises(NotFoundError):
        engine.similar_items("item-01")
    engine.add_items([Item("item-01", {}), Item("fresh", {})])
    assert {"item-01", "fresh"} <= set(shown(engine))


def test_a_removed_item_is_not_shown_even_where_it_is_a_given_candidate(engine: Engine):
    engine.remove_items(["item-01"])
    answer = engine.recommend([Query(candidates=("item-01", "item-02"))])[0]
    assert [i.item_id for i in answer.items] == ["item-02"]


def test_the_same_item_twice_in_one_call_counts_once_and_the_last_wins(engine: Engine):
    engine.add_items([Item("x", {"shelf": "books"}), Item("y", {"shelf": "games"}), Item("x", {"shelf": "games"})])
    assert len(shown(engine)) == 42
    assert score(engine, "x") == pytest.approx(score(engine, "y"))


def test_attributes_that_do_not_fit_are_ignored(engine: Engine):
    engine.add_items(
        [Item("odd", {"shelf": "games", "year": "long ago", "colour": "red"}), Item("y", {"shelf": "games"})]
    )
    assert score(engine, "odd") == pytest.approx(score(engine, "y"))


def test_nothing_to_add_or_remove_changes_nothing(engine: Engine):
    engine.add_items([])
    engine.remove_items([])
    assert len(shown(engine)) == 40


# ---------------------------------------------------------------- similar items


def test_nearest_items_share_what_an_item_is(engine: Engine):
    answer = engine.similar_items("item-25", limit=39)
    order = [i.item_id for i in answer.items]
    assert order[0] == "item-35", "same shelf, same year"
    assert order.index("item-24") < order.index("item-04"), "same shelf before another one"
    assert answer.scenario is Scenario.WARM
    assert answer.items[0].reason.history_item_id == "item-25"
    assert "item-25" not in {i.item_id for i in answer.items}


@pytest.mark.parametrize("item", [Item("fresh", {"shelf": "books", "year": 1993}), Item("item-19", {})])
def test_an_item_nobody_met_has_sensible_nearest_items(engine: Engine, item: Item):
    engine.add_items([item])
    answer = engine.similar_items(item.item_id, limit=5)
    assert answer.scenario is Scenario.NEW_ITEM
    assert all(int(i.item_id[-2:]) < 20 for i in answer.items)


def test_vectors_of_a_component_count_as_much_as_content(engine: Engine):
    """With vectors that pair n with n + 20, the partner is nearer than items that share the shelf alone."""

    def item_vectors(positions: np.ndarray) -> np.ndarray:
        return np.eye(20, dtype=np.float32)[positions % 20] * 3

    component = engine.model.components["neighbours"]
    component.item_vectors = item_vectors
    from firstlight.pipeline.similar import Similarity

    found = Similarity(engine.model.items, engine.model.components)
    assert found.source == "neighbours"
    attempt = engine.isolation.batch({})
    nearest, source = found.nearest(3, 2, hidden=np.zeros(0, np.int32), attempt=attempt)
    assert nearest.positions.tolist() == [[23, 13]]
    assert source == "neighbours"


def broken(positions: np.ndarray) -> np.ndarray:
    raise RuntimeError("secret")


@pytest.mark.parametrize(
    "item_vectors",
    [
        broken,
        lambda positions: np.full((len(positions), 2), np.nan, np.float32),
        lambda positions: np.ones((3, 2), np.float32),
        lambda positions: None,
    ],
)
def test_bad_vectors_of_a_component_leave_it_out_and_content_decides(engine: Engine, item_vectors):
    from firstlight.pipeline.similar import CONTENT, Similarity

    engine._similarity = Similarity(engine.model.items, {})
    expected = [item.item_id for item in engine.similar_items("item-01", limit=5).items]
    component = engine.model.components["neighbours"]
    component.item_vectors = item_vectors
    engine._similarity = Similarity(engine.model.items, engine.model.components)
    answer = engine.similar_items("item-01", limit=5)
    assert [item.item_id for item in answer.items] == expected
    assert {item.source for item in answer.items} == {CONTENT}
    [note] = answer.degraded
    assert (note.reason, note.component) == (DegradationReason.COMPONENT_FAILED, "neighbours")
    assert "secret" not in note.detail


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (3, 3), (1000, 39), (10**9, 39)])
def test_limits_of_similar_items(engine: Engine, limit: int, count: int):
    assert len(engine.similar_items("item-01", limit=limit).items) == count


def test_bad_input_to_similar_items(engine: Engine):
    from firstlight.errors import InvalidInputError

    with pytest.raises(InvalidInputError):
        engine.similar_items("item-01", limit=-1)
    with pytest.raises(NotFoundError, match="nobody"):
        engine.similar_items("nobody")


def test_answers_stay_whole_while_items_come_and_go(engine: Engine):
    """Readers take no lock: every answer is full, and no component stumbles over an item that has just come."""
    query = Query(profile=GAMER, history=(HistoryEntry("item-25", 5.0),), limit=20)
    done = threading.Event()

    def ask() -> list[Recommendation]:
        answers = engine.recommend([query])
        while not done.is_set():
            answers += engine.recommend([query, query])
        return answers

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        try:
            for n in range(100):
                engine.add_items([Item(f"x{n}", {"shelf": "games", "year": 1990 + n % 10}), Item(f"x{n // 2}", {})])
                engine.remove_items([f"x{n - 5}"])
        finally:
            done.set()
        answers = [answer for future in asking for answer in future.result()]
    assert len(answers) > 6
    assert all(len(answer.items) == 20 and not answer.degraded for answer in answers)

"""The numpy core with components whose every answer is known."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from firstlight.domain import Candidates, Histories, ItemTable, Queries, Ranked, RankingInputs, Scores
from firstlight.pipeline import Model
from firstlight.pipeline.model import NEW_ITEMS, unique_rows

N = 6
ITEMS = ItemTable(np.zeros((N, 1), np.float32), np.arange(1, N + 1, dtype=np.int32))
POSITIONS = np.array([[0, 2, 5], [1, -1, -1]], np.int32)


def into(faults: dict[str, Exception]):
    """An attempt that keeps each error."""

    def attempt(component, operation, function):
        try:
            return function()
        except Exception as error:
            faults[component] = error
            return None

    return attempt


def queries(rows: int = 2) -> Queries:
    return Queries(np.zeros((rows, 0), np.float32), Histories.empty(rows))


class Table:
    """Scores item n by ``values[n]`` and proposes in that order; NaN = unknown."""

    requires = ()

    def __init__(self, *values: float) -> None:
        self.values = np.array(values, np.float32)

    def score(self, queries: Queries, positions: np.ndarray) -> Scores:
        values = self.values[positions]
        known = ~np.isnan(values) & (positions >= 0)
        return Scores(np.where(known, values, 0), known)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        known = np.where(np.isnan(self.values), -np.inf, self.values)
        return Candidates.best(np.tile(known, (len(queries), 1)), limit)

    def fit(self, *_: Any) -> dict:
        raise NotImplementedError

    export = load = explain = fit


class Silent(Table):
    """Answers with whatever it was given."""

    def __init__(self, scores: Any = None, candidates: Any = None) -> None:
        self.scores, self.candidates = scores, candidates

    def score(self, queries: Queries, positions: np.ndarray) -> Scores:
        return self.scores() if callable(self.scores) else self.scores

    def generate(self, queries: Queries, limit: int) -> Candidates:
        return self.candidates() if callable(self.candidates) else self.candidates


POPULAR = Table(6, 5, 4, 3, 2, 1)


def broken() -> None:
    raise ZeroDivisionError("a plugin's own mistake")


def test_components_come_popularity_first_then_by_name():
    model = Model(ITEMS, {"b": POPULAR, "popularity": POPULAR, "a": POPULAR})
    assert model.names == ("popularity", "a", "b")
    assert list(model.generators) == ["popularity", "a", "b"]


def test_candidates_are_the_union_of_what_all_propose():
    other = Table(*[np.nan] * 3, 9, 9, 9)
    model = Model(ITEMS, {"popularity": POPULAR, "other": other})
    found = model.candidates(queries(), per_generator=2)
    assert found.tolist() == [[0, 1, 3, 4]] * 2
    assert found.dtype == np.int32


def test_a_generator_that_proposes_more_than_asked_is_cut():
    many = Silent(candidates=Candidates(np.array([[5, 4, 3]], np.int32), np.zeros((1, 3), np.float32)))
    assert Model(ITEMS, {"x": many}).candidates(queries(1), per_generator=2).tolist() == [[4, 5]]


def test_items_that_nobody_has_met_are_always_candidates():
    items = ItemTable(np.zeros((N, 1), np.float32), np.array([0, 5, 5, 5, 0, 5], np.int32))
    items.append(np.zeros((2, 1), np.float32))
    silent = Silent(candidates=Candidates(np.array([[1]], np.int32), np.ones((1, 1), np.float32)))
    assert Model(items, {"x": silent}).candidates(queries(1)).tolist() == [[0, 1, 4, 6, 7]]


def test_of_very_many_new_items_the_newest_are_candidates():
    items = ItemTable(np.zeros((NEW_ITEMS, 1), np.float32), np.zeros(NEW_ITEMS, np.int32))
    items.append(np.zeros((3, 1), np.float32))
    assert Model(items, {}).new_items().tolist() == list(range(3, NEW_ITEMS + 3))


@pytest.mark.parametrize(
    "answer",
    [
        broken,
        None,
        Candidates(np.zeros((1, 2), np.int32), np.zeros((1, 2), np.float32)),
        Candidates(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32)),
        Candidates(np.full((2, 1), N, np.int32), np.zeros((2, 1), np.float32)),
        Candidates(np.full((2, 1), -2, np.int32), np.zeros((2, 1), np.float32)),
    ],
)
def test_a_generator_that_breaks_its_contract_is_skipped_and_named(answer: Any):
    faults: dict[str, Exception] = {}
    model = Model(ITEMS, {"popularity": POPULAR, "bad": Silent(candidates=answer)})
    found = model.candidates(queries(), per_generator=3, attempt=into(faults))
    assert found.tolist() == [[0, 1, 2]] * 2
    assert list(faults) == ["bad"]


def test_inputs_hold_each_components_scores_in_order():
    half = Table(np.nan, 1, 2, np.nan, 4, 5)
    inputs = Model(ITEMS, {"half": half, "popularity": POPULAR}).inputs(queries(), POSITIONS)
    assert inputs.names == ("popularity", "half")
    assert inputs.scores.tolist() == [[[6, 4, 1], [5, 0, 0]], [[0, 2, 5], [1, 0, 0]]]
    assert inputs.known.tolist() == [
        [[True, True, True], [True, False, False]],
        [[False, True, True], [True, False, False]],
    ]
    assert inputs.counts.tolist() == [[1, 3, 6], [2, 0, 0]]


@pytest.mark.parametrize(
    "answer",
    [
        broken,
        None,
        Scores(np.full((2, 3), np.nan, np.float32), np.ones((2, 3), bool)),
        Scores(np.full((2, 3), np.inf, np.float32), np.ones((2, 3), bool)),
        Scores(np.full((2, 3), 1e300), np.ones((2, 3), bool)),
        Scores(np.zeros((2, 2), np.float32), np.ones((2, 2), bool)),
        Scores(np.zeros((2, 3), np.float32), np.ones(2, bool)),
    ],
)
def test_a_component_that_breaks_its_contract_is_unknown_everywhere_and_named(answer: Any):
    faults: dict[str, Exception] = {}
    model = Model(ITEMS, {"popularity": POPULAR, "bad": Silent(scores=answer)})
    inputs = model.inputs(queries(), POSITIONS, attempt=into(faults))
    assert list(faults) == ["bad"]
    assert not inputs.known[1].any()
    assert not inputs.scores[1].any()
    assert inputs.known[0].any()


def test_what_a_component_says_about_padding_or_the_unknown_does_not_count():
    values = np.array([[7, np.nan, 3], [2, np.nan, np.inf]], np.float32)
    known = np.array([[True, False, True], [True, True, True]])
    inputs = Model(ITEMS, {"x": Silent(Scores(values, known))}).inputs(queries(), POSITIONS)
    assert inputs.scores[0].tolist() == [[7, 0, 3], [2, 0, 0]]
    assert inputs.known[0].tolist() == [[True, False, True], [True, False, False]]


def test_without_a_ranker_the_order_is_popularitys():
    ranked = Model(ITEMS, {"a": Table(*range(N)), "popularity": POPULAR}).rank(queries(), POSITIONS)
    assert ranked.values.tolist() == [[6, 4, 1], [5, -np.inf, -np.inf]]
    np.testing.assert_array_equal(ranked.contributions[0], [[6, 4, 1], [5, 0, 0]])
    assert not ranked.contributions[1].any()


def summing(inputs: RankingInputs) -> Ranked:
    values = np.where(inputs.positions >= 0, inputs.scores.sum(axis=0), -np.inf)
    return Ranked(values.astype(np.float32), inputs.scores)


def test_the_ranker_fuses():
    model = Model(ITEMS, {"a": Table(*range(N)), "popularity": POPULAR}, SimpleNamespace(rank=summing))
    assert model.rank(queries(), POSITIONS).values.tolist() == [[6, 6, 6], [6, -np.inf, -np.inf]]


@pytest.mark.parametrize(
    "rank",
    [
        lambda inputs: broken(),
        lambda inputs: None,
        lambda inputs: Ranked(np.full((2, 3), np.nan, np.float32), inputs.scores),
        lambda inputs: Ranked(np.zeros((2, 2), np.float32), inputs.scores),
        lambda inputs: Ranked(np.zeros((2, 3), np.float32), inputs.scores[:1, :, :2]),
    ],
)
def test_a_ranker_that_breaks_its_contract_is_named_and_popularity_ranks(rank: Any):
    faults: dict[str, Exception] = {}
    model = Model(ITEMS, {"popularity": POPULAR}, SimpleNamespace(rank=rank), ranker_name="mine")
    assert model.rank(queries(), POSITIONS, attempt=into(faults)).values[0].tolist() == [6, 4, 1]
    assert list(faults) == ["mine"]


def test_no_components_and_no_queries_give_empty_arrays():
    model = Model(ITEMS, {})
    assert model.candidates(queries()).shape == (2, 0)
    inputs = model.inputs(queries(0), np.zeros((0, 0), np.int32))
    assert inputs.scores.shape == (0, 0, 0)
    assert model.fuse(inputs).values.shape == (0, 0)


@given(st.lists(st.lists(st.integers(-1, 5), min_size=4, max_size=4), min_size=1, max_size=5))
def test_unique_rows_are_the_sorted_sets_of_the_rows(rows: list[list[int]]):
    found = unique_rows(np.array(rows, np.int32))
    expected = [sorted({x for x in row if x >= 0}) for row in rows]
    assert [[x for x in row if x >= 0] for row in found.tolist()] == expected
    assert found.shape[1] == max(map(len, expected))

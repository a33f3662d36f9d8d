from dataclasses import replace

import numpy as np
import pytest

from firstlight.domain import Histories, Queries, ReasonCode
from firstlight.roles import FitOptions
from firstlight.testing import CALM_ITEMS, LOUD_ITEMS, UNSEEN_ITEMS, tiny_training_data
from firstlight_plugins.ease import Ease, EaseSettings


@pytest.fixture(scope="module")
def data():
    return tiny_training_data()


@pytest.fixture(scope="module")
def ease(data):
    component = Ease()
    component.fit(data, FitOptions())
    return component


def queries(rows, values=None):
    return Queries(np.zeros((len(rows), 0), np.float32), Histories.from_rows(rows, values))


def test_liked_items_bring_their_like(ease) -> None:
    found = ease.generate(queries([[0], [1]], [[5.0], [5.0]]), 6).positions
    assert set(found[0]) <= set(CALM_ITEMS)
    assert set(found[1]) <= set(LOUD_ITEMS)


def test_a_disliked_item_counts_less(ease) -> None:
    liked, disliked = ease.history_weights(Histories.from_rows([[0], [0]], [[5.0], [1.0]]))
    assert liked == 1
    assert 0 <= disliked < 1


def test_a_score_adds_up_weights(data, ease) -> None:
    histories = Histories.from_rows([[0, 3, 4]], [[5.0, 1.0, 4.0]])
    positions = np.arange(20, dtype=np.int32)[None]
    scores = ease.score(Queries(data.profiles[:1], histories), positions)
    right = ease.history_weights(histories) @ ease.weights.toarray()[[0, 3, 4]]
    np.testing.assert_allclose(scores.values[0], right[:20], atol=1e-6)
    assert ease.weights.shape == (24, 24)
    assert ease.weights.dtype == np.float32


def test_only_the_newest_of_an_item_counts_and_nothing_unknown(ease) -> None:
    found = ease.history_weights(Histories.from_rows([[2, 0, 2, UNSEEN_ITEMS[0], 99]], [[5.0] * 5]))
    assert found[[0, 3, 4]].tolist() == [0, 0, 0]
    assert found[2] == 1
    assert 0 < found[1] <= 1


def test_unknown_without_history_and_for_unseen_items(ease) -> None:
    positions = np.tile(np.array([0, *UNSEEN_ITEMS, 99, -1], np.int32), (3, 1))
    scores = ease.score(queries([[], [2], [UNSEEN_ITEMS[0]]]), positions)
    assert scores.known.tolist() == [[False] * 5, [True, False, False, False, False], [False] * 5]


def test_the_reason_is_the_liked_item_that_adds_most(ease) -> None:
    asked = queries([[0, 2, 4, 1]], [[5.0, 5.0, 5.0, 1.0]])
    reasons = ease.explain(asked, np.array([[6, 8, UNSEEN_ITEMS[0]]], np.int32))[0]
    parts = ease.history_weights(asked.histories)[:3, None] * ease.weights.toarray()[[0, 2, 4]]
    for item, reason in zip((6, 8), reasons[:2], strict=True):
        assert reason.code == ReasonCode.SIMILAR_TO_HISTORY
        assert reason.history_position == (0, 2, 4)[parts[:, item].argmax()]
    assert reasons[2] is None


def test_ordered_data_chooses_order(ordered) -> None:
    component = Ease()
    metrics = component.fit(ordered, FitOptions())
    assert metrics["following"] > 0
    assert metrics["recency"] >= 0.8
    best = component.generate(queries([[10, 11, 12], [12, 50, 51]]), 1).positions
    assert best[:, 0].tolist() == [13, 52]


def test_without_times_order_means_nothing(ordered) -> None:
    dataset = replace(ordered.dataset, schema=replace(ordered.dataset.schema, has_times=False))
    component = Ease()
    metrics = component.fit(replace(ordered, dataset=dataset), FitOptions())
    assert metrics["following"] == metrics["recency"] == metrics["later"] == 0
    positions = np.arange(200, dtype=np.int32)[None]
    one, other = (component.score(queries([row]), positions).values for row in ([10, 11, 12], [12, 10, 11]))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_item_by_item_agrees_with_whole(ordered) -> None:
    whole, parts = Ease(), Ease(EaseSettings(dense_items=10))
    for component in (whole, parts):
        component.fit(ordered, FitOptions())
    asked = queries([[10, 11, 12], [12, 50, 51]])
    np.testing.assert_array_equal(*(c.generate(asked, 1).positions for c in (whole, parts)))


@pytest.mark.parametrize("dense_items", [3, 10])
def test_five_users_and_five_items(data_of, dense_items) -> None:
    rows = [[0, 1], [1, 2, 3], [0, 2], [4], [0, 1, 2, 3, 4]]
    data = data_of(Histories.from_rows(rows), 5, has_values=False, has_times=False)
    component = Ease(EaseSettings(dense_items=dense_items))
    component.fit(data, FitOptions())
    scores = component.score(queries([[0]]), np.arange(5, dtype=np.int32)[None])
    assert scores.known.all()
    assert scores.values[0, 1] > 0


@pytest.mark.parametrize("rows", [[[], []], [[0], [0]], [[]]])
def test_nearly_nothing_to_learn_from(data_of, rows) -> None:
    component = Ease()
    component.fit(data_of(Histories.from_rows(rows), 2, has_values=False, has_times=True), FitOptions())
    assert np.isfinite(component.score(queries([[0], []]), np.zeros((2, 1), np.int32)).values).all()


def test_nobody_to_validate_on(data) -> None:
    component = Ease()
    component.fit(replace(data, validation=np.zeros(0, np.int64)), FitOptions())
    assert component.score(queries([[0]], [[5.0]]), np.array([[2]], np.int32)).known.all()

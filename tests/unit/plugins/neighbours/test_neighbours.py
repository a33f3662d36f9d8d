from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from firstlight.domain import Histories, Queries, ReasonCode
from firstlight.roles import FitOptions
from firstlight.testing import CALM_ITEMS, LOUD_ITEMS, UNSEEN_ITEMS, tiny_training_data
from firstlight_plugins.neighbours import Neighbours
from firstlight_plugins.neighbours.similarity import similar_items


@pytest.fixture(scope="module")
def data():
    return tiny_training_data()


@pytest.fixture(scope="module")
def neighbours(data):
    component = Neighbours()
    component.fit(data, FitOptions())
    return component


def queries(data, rows, values=None):
    return Queries(data.profiles[: len(rows)], Histories.from_rows(rows, values))


def test_similarity_is_the_shrunk_cosine() -> None:
    votes = sparse.csr_array(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]], float))
    plain, shrunk, short = (
        similar_items(votes, votes, shrinkages=[s], neighbours=k)[0] for s, k in ((0.0, 2), (1.0, 2), (0.0, 1))
    )
    assert plain.items.tolist() == [[1, 2], [0, -1], [0, -1]]
    np.testing.assert_allclose(plain.values, [[2 / 6**0.5, 1 / 3**0.5], [2 / 6**0.5, 0], [1 / 3**0.5, 0]])
    np.testing.assert_allclose(shrunk.values[0, 0], 2 / (6**0.5 + 1))
    assert short.items.tolist() == [[1], [0], [0]]


def test_liked_items_bring_their_like(data, neighbours) -> None:
    found = neighbours.generate(queries(data, [[0], [1]], [[5.0], [5.0]]), 6).positions
    assert set(found[0]) <= set(CALM_ITEMS)
    assert set(found[1]) <= set(LOUD_ITEMS)


def test_a_disliked_item_never_brings_its_like(data, neighbours) -> None:
    positions = np.array([[2, 3]], np.int32)
    values = neighbours.score(queries(data, [[0]], [[1.0]]), positions).values[0]
    assert values[1] >= values[0]


def test_score_sums_over_distinct_history(data, neighbours) -> None:
    positions = np.arange(22, dtype=np.int32)[None]
    one, other, both, twice = (
        neighbours.score(queries(data, [row], [[5.0] * len(row)]), positions).values
        for row in ([0], [2], [0, 2], [0, 0])
    )
    np.testing.assert_allclose(both, one + other, atol=1e-6)
    np.testing.assert_array_equal(twice, one)


def test_unknown_without_history_and_for_unseen_items(data, neighbours) -> None:
    positions = np.tile(np.array([0, *UNSEEN_ITEMS], np.int32), (2, 1))
    scores = neighbours.score(queries(data, [[], [2]]), positions)
    assert scores.known.tolist() == [[False] * 3, [True, False, False]]


def test_the_reason_is_the_nearest_liked_item(data, neighbours) -> None:
    asked = queries(data, [[0, 2, 4, 1]], [[5.0, 5.0, 5.0, 1.0]])
    reasons = neighbours.explain(asked, np.array([[6, 8, UNSEEN_ITEMS[0]]], np.int32))[0]
    positions = np.array([[6, 8]], np.int32)
    alone = np.concatenate([neighbours.score(queries(data, [[h]], [[5.0]]), positions).values for h in (0, 2, 4)])
    for column, reason in enumerate(reasons[:2]):
        assert reason.code == ReasonCode.SIMILAR_TO_HISTORY
        assert reason.history_position == (0, 2, 4)[alone[:, column].argmax()]
    assert reasons[2] is None


def test_nobody_to_validate_on(data) -> None:
    component = Neighbours()
    component.fit(replace(data, validation=np.zeros(0, np.int64)), FitOptions())
    assert component.score(queries(data, [[0]], [[5.0]]), np.array([[2]], np.int32)).known.all()

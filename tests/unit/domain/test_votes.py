"""What a history's items say of other items, against the same sums over a dense matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from firstlight.domain import Totals, Votes

SIZE = 6
MATRIX = arrays(np.float32, (4, SIZE), elements=st.sampled_from([0, 0, 0.5, 2, -1]))


def votes(matrix, weights):
    dense = matrix * np.array(weights, np.float32)[:, None]
    items = np.where(dense != 0, np.arange(SIZE), -1).astype(np.int32)
    return Votes(items.ravel(), dense.ravel(), np.full(len(dense), SIZE)), dense


@given(MATRIX, st.lists(st.sampled_from([1.0, 0.5]), min_size=4, max_size=4))
def test_totals_and_parts_are_those_of_the_dense_matrix(matrix, weights) -> None:
    found, dense = votes(matrix, weights)
    asked = np.array([3, -1, 0, SIZE + 2, 5, -1], np.int32)
    expected = np.where((asked >= 0) & (asked < SIZE), dense[:, np.clip(asked, 0, SIZE - 1)], 0)
    np.testing.assert_array_equal(found.parts(asked, SIZE), expected)
    totals = found.totals(SIZE)
    np.testing.assert_allclose(totals.at(asked), expected.sum(axis=0))
    best = totals.best(2)
    above = np.sort(dense.sum(axis=0)[dense.sum(axis=0) > 0])[::-1][:2]
    np.testing.assert_allclose(best.scores[0], above)
    np.testing.assert_allclose(dense.sum(axis=0)[best.positions[0]], above)


def test_votes_beside_each_other_add_up() -> None:
    rows = np.eye(4, SIZE, dtype=np.float32)
    one, other = votes(rows, [1, 1, 1, 1])[0], votes(rows[:2], [0.5, 2])[0]
    np.testing.assert_allclose(one.beside(other).totals(SIZE).values, [1.5, 3, 1, 1])
    assert one.beside(other).parts(np.array([1], np.int32), SIZE).tolist() == [[0], [1], [0], [0], [0], [2]]


def test_nothing_adds_up_to_nothing() -> None:
    empty = Votes(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    assert empty.totals(SIZE).at(np.array([1, -1], np.int32)).tolist() == [0, 0]
    assert empty.parts(np.array([1], np.int32), SIZE).shape == (0, 1)
    assert Totals(np.zeros(0, np.int32), np.zeros(0, np.float32)).best(3).positions.tolist() == [[]]


@pytest.mark.parametrize("size", [1, 15, 16, 47, 48, 1_000])
def test_the_best_of_many_are_those_of_a_whole_sort(size) -> None:
    values = np.random.default_rng(size).integers(-9, 40, size).astype(np.float32)
    expected = [item for item in np.argsort(-values, kind="stable")[:2] if values[item] > 0]
    assert Totals.of(values).best(2).positions[0].tolist() == expected

from __future__ import annotations

import numpy as np
import pytest

from firstlight.domain import Histories
from firstlight.training.metrics import held_by, interval, ndcg, recall, top_lists


def test_ndcg_by_hand():
    hits = np.array([[True, False, True], [False, False, False], [True, True, True]])
    discounts = 1 / np.log2([2, 3, 4])
    found = ndcg(hits, np.array([2, 5, 3]))
    assert found == pytest.approx([(discounts[0] + discounts[2]) / (discounts[0] + discounts[1]), 0, 1])


def test_the_ideal_list_is_cut_at_ten():
    assert ndcg(np.ones((1, 20), bool), np.array([50])) == pytest.approx([1.0])


def test_recall_counts_at_most_twenty():
    hits = np.zeros((2, 20), bool)
    hits[0, :5] = True
    hits[1] = True
    assert recall(hits, np.array([10, 80])) == pytest.approx([0.5, 1.0])


def test_nothing_to_find_is_not_a_number():
    assert np.isnan(ndcg(np.zeros((1, 3), bool), np.array([0]))).all()
    assert np.isnan(recall(np.zeros((1, 3), bool), np.array([0]))).all()


def test_top_lists_order_break_ties_by_column_and_leave_out_minus_infinity():
    values = np.array([[1.0, 3.0, 3.0, -np.inf]])
    assert top_lists(values, np.array([[7, 8, 9, 6]], np.int32), 5).tolist() == [[8, 9, 7, -1, -1]]


def test_membership_is_by_row_and_padding_is_nobody():
    sets = Histories.from_rows([[4, 1], [], [0]])
    positions = np.array([[1, 4, -1], [1, 4, 0], [-1, 0, 4]], np.int32)
    assert sets.holding(positions).tolist() == [[True, True, False], [False] * 3, [False, True, False]]
    assert held_by(Histories.from_rows([[1, 2], [1], [0]]), sets).tolist() == [True, False, False, True]


def test_the_interval_covers_the_mean_and_knows_users():
    rng = np.random.default_rng(0)
    values = rng.normal(1.0, 1.0, 400)
    low, high = interval(values)
    assert low < 1.0 < high
    assert high - low == pytest.approx(4 / np.sqrt(400), rel=0.1)
    repeated = interval(np.repeat(values, 5), np.repeat(np.arange(400), 5))
    assert repeated == pytest.approx((low, high))  # five copies of a user are not five users
    assert np.isnan(interval(np.array([]))).all()

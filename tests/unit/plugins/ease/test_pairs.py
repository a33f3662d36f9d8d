from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from firstlight.domain import Histories
from firstlight.learning import place_weights
from firstlight_plugins.ease.pairs import NEWEST, WINDOW, Pairs, newest

ROWS = [[0, 1, 2, 3, 4, 5], [2, 0], [4], [], [3, 5, 1]]
VALUES = [[5.0, 1.0, 4.0, 5.0, 2.0, 4.0], [3.0, 5.0], [5.0], [], [5.0, 5.0, 1.0]]
DISLIKED = 0.3


def counted(data_of, *, has_times=True, dense=True, rows=ROWS, values=VALUES):
    data = data_of(Histories.from_rows(rows, values), 6, has_values=True, has_times=has_times)
    return Pairs.of(data.dataset, disliked=DISLIKED, dense=dense)


def by_hand(times):
    together, wanted, later, following = np.zeros((4, 6, 6))
    for row, values in zip(ROWS, VALUES, strict=True):
        weights = place_weights(Histories.from_rows([row]), ordered=times)
        for a, j in enumerate(row):
            x = 1.0 if values[a] >= 4 else DISLIKED
            for b, i in enumerate(row):
                liked = values[b] >= 4
                together[j, i] += x * (1.0 if liked else DISLIKED)
                wanted[j, i] += x * liked * weights[b]
                if b > a:
                    later[j, i] += x * liked * weights[b]
                    following[j, i] += x * liked / (b - a) if b - a <= WINDOW else 0
    return together, wanted, later, following


@pytest.mark.parametrize("dense", [True, False])
def test_sums_over_users(data_of, dense) -> None:
    pairs = counted(data_of, dense=dense)
    found = (pairs.together, pairs.wanted, pairs.later, pairs.following)
    for ours, right in zip(found, by_hand(times=True), strict=True):
        np.testing.assert_allclose(ours.toarray() if sparse.issparse(ours) else ours, right, atol=1e-5)


def test_without_times_order_means_nothing(data_of) -> None:
    pairs = counted(data_of, has_times=False)
    together, wanted, _, _ = by_hand(times=False)
    np.testing.assert_allclose(pairs.wanted, wanted, atol=1e-5)
    np.testing.assert_allclose(pairs.together, together, atol=1e-5)
    assert pairs.later is None
    assert pairs.following.nnz == 0


def test_a_repeated_item_counts_once(data_of) -> None:
    pairs = counted(data_of, rows=[[0, 1, 0, 0]], values=[[5.0] * 4])
    np.testing.assert_allclose(pairs.together[:2, :2], np.ones((2, 2)))


def test_mixed_keeps_the_sum_where_order_is_random(data_of) -> None:
    pairs = counted(data_of)
    np.testing.assert_array_equal(pairs.mixed(0.0), pairs.wanted)
    np.testing.assert_allclose(pairs.mixed(0.5), 0.5 * pairs.wanted + pairs.later)


def test_memory_is_bounded() -> None:
    assert newest(np.full(10, 10_000)) == NEWEST[0]
    found = [newest(np.full(users, 1_000)) for users in (100, 10_000, 1_000_000)]
    assert all(a > b for a, b in pairwise(found))

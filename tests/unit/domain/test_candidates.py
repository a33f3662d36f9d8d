import numpy as np
import pytest

from firstlight.domain import Candidates

VALUES = np.array([[1.0, 3.0, 3.0, 2.0], [-np.inf, 0.0, -np.inf, -np.inf]], np.float32)


def test_best_first_ties_by_column_and_padding_last() -> None:
    found = Candidates.best(VALUES, 3)
    assert found.positions.tolist() == [[1, 2, 3], [1, -1, -1]]
    assert found.scores.tolist() == [[3, 3, 2], [0, 0, 0]]
    assert (found.positions.dtype, found.scores.dtype) == (np.int32, np.float32)


@pytest.mark.parametrize(("limit", "width"), [(0, 0), (1, 1), (99, 4)])
def test_limits(limit: int, width: int) -> None:
    assert Candidates.best(VALUES, limit).positions.shape == (2, width)


def test_columns_may_stand_for_other_positions() -> None:
    found = Candidates.best(VALUES, 2, positions=np.array([10, 11, 12, 13], np.int32))
    assert found.positions.tolist() == [[11, 12], [11, -1]]


def test_each_row_may_have_positions_of_its_own() -> None:
    pools = np.array([[10, 11, 12, 13], [20, 21, 22, 23]], np.int32)
    found = Candidates.best(VALUES, 2, positions=pools)
    assert found.positions.tolist() == [[11, 12], [21, -1]]


def test_a_short_list_is_the_head_of_a_long_one() -> None:
    values = np.random.default_rng(0).integers(0, 10_000, (3, 500)).astype(np.float32)
    short, whole = Candidates.best(values, 7), Candidates.best(values, 500)
    np.testing.assert_array_equal(short.scores, whole.scores[:, :7])

import numpy as np
import pytest
from hypothesis import given, strategies as st

from firstlight.domain import Histories

ROWS = st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=6)


def lists(histories: Histories) -> list[list[int]]:
    return [histories.of(row).tolist() for row in range(len(histories))]


@given(ROWS, st.integers(0, 7))
def test_cuts_agree_with_list_slices(rows: list[list[int]], count: int) -> None:
    histories = Histories.from_rows(rows)
    assert lists(histories) == rows
    assert lists(histories.oldest(count)) == [row[:count] for row in rows]
    assert lists(histories.newest(count)) == [row[max(0, len(row) - count) :] for row in rows]
    assert lists(histories.keep(histories.items != 3)) == [[i for i in row if i != 3] for row in rows]


@given(ROWS, st.randoms(use_true_random=False))
def test_take_picks_rows_in_order(rows: list[list[int]], random: object) -> None:
    order = [random.randrange(len(rows)) for _ in range(5)]  # type: ignore[attr-defined]
    assert lists(Histories.from_rows(rows).take(np.array(order))) == [rows[n] for n in order]


def test_events_are_ordered_by_time_then_position() -> None:
    histories = Histories.from_events(
        rows=np.array([1, 0, 1, 1]),
        items=np.array([5, 2, 4, 9]),
        values=np.array([1.0, 2.0, 3.0, 4.0]),
        types=np.zeros(4, int),
        times=np.array([7, 1, 7, 3]),
        size=3,
    )
    assert lists(histories) == [[2], [9, 4, 5], []]
    assert histories.values.tolist() == [2.0, 4.0, 3.0, 1.0]


def test_padding_keeps_the_newest_left_aligned() -> None:
    items, values, types = Histories.from_rows([[1, 2, 3], [], [4]], [[1, 2, 3], [], [5]]).padded(2)
    assert items.tolist() == [[2, 3], [-1, -1], [4, -1]]
    np.testing.assert_array_equal(values, [[2, 3], [np.nan, np.nan], [5, np.nan]])
    assert types.shape == (3, 2)


@pytest.mark.parametrize(("value", "positive"), [(4.0, True), (3.5, False), (float("nan"), True)])
def test_positive(value: float, positive: bool) -> None:
    assert Histories.from_rows([[0]], [[value]]).positive(4.0).tolist() == [positive]


def test_distinct_keeps_the_newest_entry_of_each_item() -> None:
    histories = Histories.from_rows([[3, 1, 3], [], [1, 1]], [[1.0, 2.0, 3.0], [], [4.0, 5.0]])
    found = histories.distinct()
    assert found.offsets.tolist() == [0, 2, 2, 3]
    assert found.items.tolist() == [1, 3, 1]
    assert found.values.tolist() == [2.0, 3.0, 5.0]
    assert Histories.empty(2).distinct().items.tolist() == []


def test_shuffled_moves_entries_within_their_rows_alone() -> None:
    histories = Histories.from_rows([list(range(20)), [30, 31]])
    found = histories.shuffled(seed=1)
    assert sorted(found.of(0).tolist()) == list(range(20))
    assert found.of(0).tolist() != list(range(20))
    assert sorted(found.of(1).tolist()) == [30, 31]
    assert found.items.tolist() == histories.shuffled(seed=1).items.tolist()

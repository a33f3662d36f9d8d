"""What is kept for a batch, and when it is worked out again."""

import numpy as np

from firstlight.domain import Histories, ItemTable, Queries, Remembered


def queries() -> Queries:
    return Queries(np.zeros((2, 1), np.float32), Histories.empty(2))


def test_it_is_worked_out_once_for_the_same_batch_and_again_for_another() -> None:
    asked: list[Queries] = []
    remembered = Remembered(lambda q: asked.append(q) or len(asked), ItemTable(np.zeros((3, 1)), np.ones(3, np.int32)))
    first, second = queries(), queries()
    assert [remembered(q) for q in (first, first, second, first)] == [1, 1, 2, 3]


def test_it_is_worked_out_again_when_live_items_change() -> None:
    items = ItemTable(np.zeros((3, 1), np.float32), np.ones(3, np.int32))
    remembered = Remembered(lambda _: items.size, items)
    batch = queries()
    assert remembered(batch) == 3
    items.append(np.ones((1, 1), np.float32))
    assert remembered(batch) == 4


def test_all_rows_of_a_batch_are_the_batch() -> None:
    batch = queries()
    assert batch.take(np.arange(2)) is batch
    assert batch.take(np.array([1, 0])) is not batch
    assert batch.take(np.array([1])) is not batch


def test_it_is_worked_out_again_for_other_arrays() -> None:
    asked: list[object] = []
    items = ItemTable(np.zeros((3, 1), np.float32), np.ones(3, np.int32))
    remembered = Remembered(lambda _, positions: asked.append(positions) or len(asked), items)
    batch, first, second = queries(), np.zeros((2, 1), np.int32), np.zeros((2, 1), np.int32)
    assert [remembered(batch, p) for p in (first, first, second, first)] == [1, 1, 2, 3]

import numpy as np

from firstlight.domain import ItemTable, products_of, rows_of


def table() -> ItemTable:
    return ItemTable(np.arange(6, dtype=np.float32).reshape(3, 2), np.array([5, 0, 2], np.int32))


def test_live_items_follow_the_bundle() -> None:
    items = table()
    positions = items.append(np.array([[9, 9], [8, 8]]))
    assert positions.tolist() == [3, 4]
    asked = np.array([[0, 4, -1]])
    np.testing.assert_array_equal(items.content(asked), [[[0, 1], [8, 8], [0, 0]]])
    assert items.counts(asked).tolist() == [[5, 0, 0]]
    assert (items.base_size, items.size) == (3, 5)


def test_a_reader_of_the_old_live_rows_is_not_disturbed() -> None:
    items = table()
    items.append(np.array([[9, 9]]))
    before = items.live_content
    items.replace_live(3, np.array([7, 7]))
    assert before.tolist() == [[9, 9]]
    assert items.live_content.tolist() == [[7, 7]]


def test_an_empty_catalogue_gives_zeros() -> None:
    items = ItemTable(np.zeros((0, 2), np.float32), np.zeros(0, np.int32))
    assert items.content(np.array([-1])).tolist() == [[0, 0]]


def test_products_are_those_of_the_rows() -> None:
    base, live = np.arange(6, dtype=np.float32).reshape(3, 2), np.array([[9, 8]], np.float32)
    positions, vectors = np.array([[0, 2, -1], [3, 1, 3]], np.int32), np.array([[1, 2], [3, -1]], np.float32)
    expected = np.einsum("bcd,bd->bc", rows_of(base, live, positions), vectors)
    np.testing.assert_array_equal(products_of(base, live, positions, vectors), expected)
    np.testing.assert_array_equal(products_of(base[:0], live, np.array([[0, -1]]), vectors[:1]), [[25, 0]])
    assert products_of(base, live, positions[:0], vectors[:0]).shape == (0, 3)

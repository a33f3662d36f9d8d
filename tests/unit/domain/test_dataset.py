import numpy as np

from firstlight.domain import Dataset, Histories, Schema, id_order


def dataset() -> Dataset:
    return Dataset(
        Schema(),
        ("a", "b", "c"),
        ("i0", "i1", "i2"),
        ({}, {}, {}),
        ({}, {}, {}),
        Histories.from_rows([[0, 1], [1], []]),
    )


def test_ids_sort_as_integers_only_if_all_are() -> None:
    assert [["10", "9", "2"][n] for n in id_order(["10", "9", "2"])] == ["2", "9", "10"]
    assert [["10", "9", "x"][n] for n in id_order(["10", "9", "x"])] == ["10", "9", "x"]


def test_hidden_items_lose_interactions_but_keep_positions() -> None:
    hidden = dataset().hide_items(np.array([False, True, False]))
    assert hidden.item_ids == ("i0", "i1", "i2")
    assert hidden.counts().tolist() == [1, 0, 0]


def test_selected_users_leave_nothing_of_the_others() -> None:
    selected = dataset().select_users(np.array([2, 1]))
    assert selected.user_ids == ("c", "b")
    assert selected.counts().tolist() == [0, 1, 0]

from dataclasses import replace

import numpy as np

from firstlight.domain import Histories
from firstlight.learning import HeldOut, held_out, ndcg, place_weights
from firstlight.testing import tiny_training_data


def test_targets_come_after_the_pool_and_do_not_depend_on_what_is_shown() -> None:
    data = tiny_training_data()
    none, three = held_out(data, shown=0), held_out(data, shown=3)
    assert none.queries.histories.lengths.sum() == 0
    assert set(three.queries.histories.lengths) == {3}
    np.testing.assert_array_equal(none.relevant, three.relevant)
    histories = data.dataset.histories.take(data.validation)
    later = (histories.ranks() >= 5) & (histories.values >= 4)
    assert none.relevant.sum() == later.sum()


def test_without_times_the_pool_is_a_seeded_draw() -> None:
    data = tiny_training_data()
    dataset = replace(data.dataset, schema=replace(data.dataset.schema, has_times=False))
    first, again = (held_out(replace(data, dataset=dataset), shown=3).relevant for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != held_out(data, shown=3).relevant).any()
    assert (place_weights(dataset.histories, ordered=False) == 1).all()


def test_ndcg_of_known_lists() -> None:
    data = tiny_training_data()
    relevant = np.zeros((1, 24), bool)
    relevant[0, [3, 5]] = True
    queries = replace(held_out(data, shown=0).queries.take(np.array([0])), histories=Histories.from_rows([[7]]))
    values = np.zeros((1, 24))
    values[0, [7, 3, 1, 5]] = [9, 3, 2, 1]
    expected = (1 + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    assert ndcg(values, HeldOut(queries, relevant)) == expected

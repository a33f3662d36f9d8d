"""What each protocol holds out, checked against its definition on data small enough to count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firstlight.domain import Dataset, Histories, Schema
from firstlight.evaluation.protocols import FOLDS, deal_folds, splits
from firstlight.training.metrics import held_by


def all_cases(dataset, protocol, folds=FOLDS):
    return [(split, case) for split in splits(dataset, protocol, folds=folds, seed=0) for case in split.cases]


def test_folds_are_a_seeded_deal_of_equal_parts():
    folds = deal_folds(23, 4)
    assert sorted(np.bincount(folds)) == [4, 4, 5, 5, 5]
    assert np.array_equal(folds, deal_folds(23, 4))
    assert not np.array_equal(folds, deal_folds(23, 5))


def test_new_user_tests_everybody_once_and_trains_on_nobody_tested(dataset):
    tested = []
    for split in splits(dataset, "new-user", folds=5, seed=0):
        held = {dataset.user_ids[user] for user in split.cases[0].users}
        assert not held & set(split.training.user_ids)
        tested += split.cases[0].users.tolist()
    assert len(tested) == len(set(tested))


def test_new_user_shows_the_first_k_and_asks_for_positives_after_the_first_ten(dataset):
    split = splits(dataset, "new-user", folds=1, seed=0)[0]
    assert [case.shown for case in split.cases] == [0, 1, 3, 5, 10]
    seen = split.training.counts() > 0
    for case in split.cases:
        assert case.only is None
        for row, user in enumerate(case.users):
            items = dataset.histories.of(user)
            values = dataset.histories.take(np.array([user])).values
            assert case.histories.of(row).tolist() == items[: case.shown].tolist()  # bad ones too
            wanted = {i for i, v in zip(items[10:], values[10:], strict=True) if v >= 4 and seen[i]}
            assert set(case.targets.of(row).tolist()) == wanted
            assert wanted


def test_new_user_leaves_out_users_without_a_target_and_unseen_items():
    folds = deal_folds(10, 0)
    first, second, third = (int(np.flatnonzero(folds == fold)[0]) for fold in (0, 1, 2))
    rows = [[0]] * 10
    rows[first], rows[second], rows[third] = list(range(12)), list(range(10)), [*range(10), 12]

    def tested(rows):
        data = Dataset(
            Schema(has_times=True),
            tuple("abcdefghij"),
            tuple(map(str, range(13))),
            ({},) * 10,
            ({},) * 13,
            Histories.from_rows(rows),
        )
        return {int(user) for _, case in all_cases(data, "new-user") for user in case.users}

    # The second has no eleventh interaction; nobody else has the items that the first and the third go on to.
    assert tested(rows) == set()
    rows[third] = [*range(10), 11]
    assert tested(rows) == {first, third}


def test_ties_in_time_go_by_item_position(make_dataset):
    data = make_dataset(users=20)
    flat = data.histories
    tied = Histories.from_events(flat.rows, flat.items, flat.values, flat.types, np.zeros_like(flat.times), size=20)
    for _, case in all_cases(replace(data, histories=tied), "new-user"):
        assert all(np.all(np.diff(case.histories.of(row)) > 0) for row in range(len(case.users)))


def test_without_times_the_order_is_a_seeded_shuffle(make_dataset):
    data = make_dataset(times=False)
    first, again = (all_cases(data, "new-user")[4][1].histories.items.tolist() for _ in range(2))
    assert first == again
    assert not all(np.all(np.diff(data.histories.of(u)) < 0) for u in range(5))
    assert first != sorted(first)


def test_new_item_trains_without_the_items_and_the_last_tenth(dataset):
    for split in splits(dataset, "new-item", folds=2, seed=0):
        cold, overall, *both = split.cases
        assert not split.training.counts()[cold.new].any()
        assert np.array_equal(cold.only, np.flatnonzero(cold.new))
        assert overall.only is None
        assert cold.new[cold.targets.items].all()
        assert 0 < cold.new[overall.targets.items].mean() < 1
        assert not held_by(overall.targets, overall.histories).any()
        trained = {dataset.user_ids[user] for user in cold.users}
        assert trained <= set(split.training.user_ids)
        for row, user in list(enumerate(overall.users))[:10]:
            known = [i for i in dataset.histories.of(user) if not cold.new[i]]
            kept = len(known) - -(-len(known) // 10)
            assert overall.histories.of(row).tolist() == known[:kept]
        assert [case.shown for case in both] == [0, 10]
        for case in both:
            assert case.slice_name == "new-user × new-item"
            assert not {dataset.user_ids[user] for user in case.users} & set(split.training.user_ids)
            assert not case.new[case.histories.items].any()
            assert case.new[case.targets.items].all()
        assert both[0].targets.items.tolist() == both[1].targets.items.tolist()


def test_warm_holds_out_the_last_fifth(dataset):
    ((split, case),) = all_cases(dataset, "warm")
    lengths = dataset.histories.lengths
    assert np.array_equal(split.training.histories.lengths, lengths - -(-lengths // 5))
    assert not held_by(case.targets, case.histories).any()


def test_an_unknown_protocol_is_an_error(dataset):
    with pytest.raises(ValueError, match="unknown protocol"):
        splits(dataset, "other", folds=1, seed=0)

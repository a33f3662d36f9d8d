from __future__ import annotations

from dataclasses import replace

import numpy as np

from firstlight.domain import Dataset, Histories, Schema
from firstlight.training.blocks import SMALL_CATALOGUE, deal, kept_users, remaining, stable_hash, validation_users


def test_the_hash_never_changes():
    found = stable_hash("default", "user", ["1", "ü"]).tolist()
    assert found == [3581216481112531902, 4537483568635603947]
    assert stable_hash("other", "user", ["1"])[0] != found[0]
    assert stable_hash("default", "item", ["1"])[0] != found[0]


def test_every_user_of_a_small_catalogue_is_held_out_once(dataset):
    blocks = deal("default", dataset)
    assert len(blocks) == 3
    held = np.concatenate([block.users for block in blocks])
    assert np.array_equal(np.sort(held), np.arange(len(dataset.user_ids)))
    assert not np.any(np.sum([block.hidden for block in blocks], axis=0) > 1)
    assert all(block.hidden.any() for block in blocks)


def test_a_fit_sees_neither_its_users_nor_its_items(dataset):
    for block in deal("default", dataset):
        part = remaining(dataset, block)
        assert not {dataset.user_ids[row] for row in block.users} & set(part.user_ids)
        assert not part.counts()[block.hidden].any()
        assert len(part.item_ids) == len(dataset.item_ids)
        whole = dataset.select_users(kept_users(dataset, block)).hide_items(block.hidden).histories
        assert np.array_equal(part.histories.lengths, whole.lengths - whole.lengths // 10)


def test_new_users_and_items_move_nobody(dataset):
    grown = replace(
        dataset,
        user_ids=("new", *dataset.user_ids),
        user_attributes=({}, *dataset.user_attributes),
        histories=Histories.from_rows([[0], *(dataset.histories.of(n) for n in range(len(dataset.user_ids)))]),
    )

    def held(data):
        return [{data.user_ids[row] for row in block.users} - {"new"} for block in deal("default", data)]

    assert held(grown) == held(dataset)


def test_a_large_catalogue_holds_out_one_block_of_limited_size():
    users = SMALL_CATALOGUE + 500
    large = Dataset(
        Schema(),
        tuple(map(str, range(users))),
        ("a", "b", "c"),
        ({},) * users,
        ({},) * 3,
        Histories.from_rows([[n % 3] for n in range(users)]),
    )
    blocks = deal("default", large)
    assert [len(block.users) for block in blocks] == [SMALL_CATALOGUE]
    assert len(validation_users("default", large)) == 825


def test_validation_users_are_a_share_and_stable(dataset):
    chosen = validation_users("default", dataset)
    assert len(chosen) == 13
    assert np.array_equal(chosen, validation_users("default", dataset))
    assert not len(validation_users("default", dataset.select_users(np.arange(5))))

"""Nothing of the held-out part may reach training: markers planted in it must not be seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from firstlight.evaluation.protocols import deal_folds, splits
from firstlight.training import TrainOptions, fit_product
from firstlight.training.exporting import export_product

USER_MARK, ITEM_MARK = "planted-user-value", "planted-item-value"


def mark_users(dataset, held):
    """Every held-out user: a profile value of their own, and the same item again and again, which is nobody else's."""
    rows = dataset.histories.rows
    attributes = [{"side": USER_MARK} if held[n] else a for n, a in enumerate(dataset.user_attributes)]
    target = len(dataset.item_ids) - 1
    others = ~held[rows] & (dataset.histories.items == target)
    histories = dataset.histories.keep(~others)
    items = np.where(held[histories.rows] & (histories.ranks() >= 10), target, histories.items).astype(np.int32)
    return replace(dataset, user_attributes=tuple(attributes), histories=replace(histories, items=items)), target


def everything_learnt(product, plugins, dataset, folder):
    """The bytes of all files of a bundle."""
    path = export_product(product, dataset, folder, bundle_id="b", plugins=plugins)
    return b"".join(file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file())


def test_held_out_users_are_not_seen(dataset, plugins, settings, tmp_path):
    held = deal_folds(len(dataset.user_ids), 0) == 0
    marked, target = mark_users(dataset, held)
    split = splits(marked, "new-user", folds=1, seed=0)[0]
    product = fit_product(split.training, plugins, settings, TrainOptions(device="cpu"))
    assert USER_MARK.encode() not in everything_learnt(product, plugins, marked, tmp_path)
    assert product.model.items.base_counts[target] == 0
    assert all(USER_MARK not in name for name in product.encoders.profile_names)


def test_what_held_out_users_do_changes_nothing_that_is_learnt(dataset, plugins, settings):
    """The strongest form: the whole product is the same whatever the held-out users did or are."""
    held = deal_folds(len(dataset.user_ids), 0) == 0
    rows = dataset.histories.rows
    changed = replace(
        dataset,
        user_attributes=tuple({"side": USER_MARK} if held[n] else a for n, a in enumerate(dataset.user_attributes)),
        histories=replace(
            dataset.histories,
            values=np.where(held[rows], 1.0, dataset.histories.values).astype(np.float32),
        ),
    )
    learnt = []
    for data in (dataset, changed):
        split = splits(data, "new-user", folds=1, seed=0)[0]
        product = fit_product(split.training, plugins, settings, TrainOptions(device="cpu"))
        learnt.append(product)
    assert learnt[0].metrics == learnt[1].metrics
    assert learnt[0].encoders.profile_names == learnt[1].encoders.profile_names
    assert np.array_equal(learnt[0].model.items.base_counts, learnt[1].model.items.base_counts)
    assert learnt[0].model.ranker.describe() == learnt[1].model.ranker.describe()


def test_held_out_items_are_seen_by_their_attributes_alone(dataset, plugins, settings, tmp_path):
    hidden = deal_folds(len(dataset.item_ids), 1) == 0
    attributes = [{**a, "parity": ITEM_MARK} if hidden[n] else a for n, a in enumerate(dataset.item_attributes)]
    marked = replace(dataset, item_attributes=tuple(attributes))
    split = splits(marked, "new-item", folds=1, seed=0)[0]
    product = fit_product(split.training, plugins, settings, TrainOptions(device="cpu"))
    assert not product.model.items.base_counts[hidden].any()
    assert ITEM_MARK.encode() not in everything_learnt(product, plugins, marked, tmp_path)


def test_the_check_would_find_a_leak(dataset, plugins, settings, tmp_path):
    held = deal_folds(len(dataset.user_ids), 0) == 0
    marked, target = mark_users(dataset, held)
    product = fit_product(marked, plugins, settings, TrainOptions(device="cpu"))
    assert USER_MARK.encode() in everything_learnt(product, plugins, marked, tmp_path)
    assert product.model.items.base_counts[target] > 0

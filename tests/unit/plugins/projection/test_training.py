"""Poor data: what is missing costs quality, never the fit."""

from dataclasses import replace

import numpy as np
import pytest

from firstlight.domain import Histories, ItemTable, Queries
from firstlight.roles import FitOptions
from firstlight.testing import tiny_training_data
from firstlight_plugins.projection import Projection


def without_profiles(data):
    none = np.zeros((len(data.profiles), 0), np.float32)
    return replace(data, profiles=none, profile_names=(), profile_fields=())


def without_content(data):
    items = ItemTable(np.zeros((data.items.base_size, 0), np.float32), data.items.base_counts)
    return replace(data, items=items, content_names=())


def without_values(data):
    histories = data.dataset.histories
    histories = replace(histories, values=np.full_like(histories.values, np.nan))
    schema = replace(data.dataset.schema, has_values=False)
    return replace(data, dataset=replace(data.dataset, schema=schema, histories=histories))


def without_times(data):
    histories = replace(data.dataset.histories, times=np.zeros_like(data.dataset.histories.times))
    schema = replace(data.dataset.schema, has_times=False)
    return replace(data, dataset=replace(data.dataset, schema=schema, histories=histories))


def five_users(data):
    rows = np.arange(5)
    dataset = data.dataset.select_users(rows)
    items = ItemTable(data.items.base_content, dataset.counts())
    return replace(data, dataset=dataset, profiles=data.profiles[rows], items=items, validation=np.array([4]))


def five_items(data):
    hidden = np.arange(data.items.base_size) >= 5
    dataset = data.dataset.hide_items(hidden)
    return replace(data, dataset=dataset, items=ItemTable(data.items.base_content, dataset.counts()))


def no_interactions(data):
    dataset = data.dataset.hide_items(np.ones(data.items.base_size, bool))
    return replace(data, dataset=dataset, items=ItemTable(data.items.base_content, dataset.counts()))


def only_dislikes(data):
    histories = replace(data.dataset.histories, values=np.ones_like(data.dataset.histories.values))
    return replace(data, dataset=replace(data.dataset, histories=histories))


@pytest.mark.parametrize(
    "poor",
    [
        without_profiles,
        without_content,
        without_values,
        without_times,
        five_users,
        five_items,
        no_interactions,
        only_dislikes,
    ],
)
def test_poor_data(poor) -> None:
    data = poor(tiny_training_data())
    component = Projection()
    metrics = component.fit(data, FitOptions(seed=3))
    assert all(np.isfinite(value) for value in metrics.values())
    queries = Queries(data.profiles[:3], Histories.from_rows([[0, 2], [], [23]]))
    positions = np.tile(np.arange(data.items.base_size, dtype=np.int32), (3, 1))
    scores = component.score(queries, positions)
    assert np.isfinite(scores.values).all()
    known = data.items.base_content.any(axis=1) | (data.items.base_counts > 0)
    assert (scores.known == known).all()


def test_hidden_items_are_ranked_well() -> None:
    metrics = Projection().fit(tiny_training_data(), FitOptions(seed=3))
    assert metrics["validation_ndcg_by_all"] > 0.9
    assert metrics["validation_ndcg_by_profile"] > 0.9

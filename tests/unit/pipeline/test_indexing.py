"""The vector indexes that a bundle of many items brings along."""

import numpy as np
import pytest

from firstlight.bundle import Bundle
from firstlight.domain import HistoryEntry, Queries, Query
from firstlight.features import training_data
from firstlight.pipeline import Engine, indexing
from firstlight.pipeline.indexing import Indexing, sample
from firstlight.roles import FitOptions
from firstlight.runtime import index as runtime_index, serving
from firstlight_plugins.factors import component as factors

QUERIES = [Query(history=(HistoryEntry("item-03", 5.0), HistoryEntry("item-07", 5.0)), limit=5)]


@pytest.fixture
def users(dataset, fitted):
    _, encoders = fitted
    return Queries(encoders.profiles(dataset.user_attributes), dataset.histories, tuple(dataset.user_attributes))


@pytest.fixture
def components(dataset, plugins, fitted):
    model, encoders = fitted
    component = plugins.registrations["factors"].create()
    component.fit(training_data(dataset, encoders, validation=np.arange(0, 60, 6)), FitOptions())
    return {**model.components, "factors": component}


@pytest.fixture
def build(fitted, users, plugins):
    """Builds the indexes of the catalogue's bundle."""
    return Indexing(fitted[0].items, users, plugins)


def test_a_bundle_of_few_items_has_none(tmp_path, write, components, build):
    path = write(tmp_path, components=components, index=build)
    assert not list(path.rglob("*.faiss"))


def test_a_bundle_of_many_items_is_searched_by_the_index_in_it(tmp_path, monkeypatch, write, components, build):
    plugins = build.plugins
    plain = Engine.open(write(tmp_path / "plain", components=components), plugins).recommend(QUERIES)
    for module in (indexing, runtime_index):
        monkeypatch.setattr(module, "EXACT_LIMIT", 30)
    monkeypatch.setattr(factors, "DENSE_LIMIT", 30)
    path = write(tmp_path / "indexed", components=components, index=build)
    manifest = Bundle.open(path).manifest
    assert "components/factors/index-0.faiss" in manifest.files
    assert manifest.metrics["factors.index 0 recall@100"] == 1.0
    assert manifest.metrics["factors.index 0 probes"] >= 8
    assert manifest.metrics["popularity.validation_ndcg"] == 0.5
    monkeypatch.setattr(serving, "open_index", lambda vectors: pytest.fail("the index was built again"))
    (found,) = Engine.open(path, plugins).recommend(QUERIES)
    assert [item.item_id for item in found.items] == [item.item_id for item in plain[0].items]


def test_a_sample_is_spread_over_all_users(users):
    assert len(sample(users)) == len(users)
    many = users.take(np.arange(1000) % len(users))
    assert len(sample(many)) == indexing.SAMPLE
    np.testing.assert_array_equal(sample(many).profiles[-1], many.profiles[-1])

"""One seed, machine and thread count: identical lists; and what is served is what was trained, whatever the data."""

from __future__ import annotations

import numpy as np
import pytest

from firstlight.domain import HistoryEntry, Interaction, Item, Query, User
from firstlight.pipeline import Engine
from firstlight.settings import init_home
from firstlight.store import open_store
from firstlight.training import TrainOptions, train


@pytest.fixture
def home(tmp_path):
    home = init_home(tmp_path / "home")
    return home.model_copy(update={"plugins": {"sequence": {"epochs": 1}}})


@pytest.fixture
def fill(home):
    stores = []

    def fill(dataset):
        store = open_store(home)
        stores.append(store)
        given = zip(dataset.item_ids, dataset.item_attributes, strict=True)
        store.upsert_items("default", [Item(i, dict(a)) for i, a in given])
        given = zip(dataset.user_ids, dataset.user_attributes, strict=True)
        store.upsert_users("default", [User(u, dict(a)) for u, a in given])
        h = dataset.histories
        store.write_interactions(
            "default",
            [
                Interaction(dataset.user_ids[u], dataset.item_ids[i], None if np.isnan(v) else float(v), time_us=int(t))
                for u, i, v, t in zip(h.rows, h.items, h.values, h.times, strict=True)
            ],
        )
        return store

    yield fill
    for store in stores:
        store.close()


def ask(path, plugins, dataset):
    """Lists of ids, scores and sources for users with 0 to 9 interactions."""
    given = [tuple(HistoryEntry(i, 5.0) for i in dataset.item_ids[:n]) for n in range(10)]
    profile = dict(dataset.user_attributes[0])
    queries = [Query(profile=profile if n % 2 else {}, history=history) for n, history in enumerate(given)]
    engine = Engine.open(path, plugins)
    together = engine.recommend(queries)
    for query, answer in zip(queries, together, strict=True):
        (alone,) = engine.recommend([query])
        assert [i.score for i in alone.items] == pytest.approx([i.score for i in answer.items], abs=1e-5, rel=1e-5)
    return [[(i.item_id, i.score, i.source, i.reason) for i in answer.items] for answer in together]


@pytest.mark.slow
def test_trained_twice_the_lists_are_identical(make_dataset, fill, home, every_plugin):
    dataset = make_dataset(users=40, items=30, length=12)
    store = fill(dataset)
    first, second = (train(store, home, every_plugin, "default", TrainOptions(device="cpu")) for _ in range(2))
    lists = ask(first.path, every_plugin, dataset)
    assert lists == ask(second.path, every_plugin, dataset)
    assert [len(row) for row in lists] == [20] * 10


def test_five_users_and_five_items_without_anything_else_are_served(make_dataset, fill, home, every_plugin):
    """Exported, loaded and asked with every component; parity is checked on the way."""
    dataset = make_dataset(users=5, items=5, attributes=False, values=False, times=False)
    result = train(fill(dataset), home, every_plugin, "default", TrainOptions(device="cpu"))
    lists = ask(result.path, every_plugin, dataset)
    assert [len(row) for row in lists] == [5, 4, 3, 2, 1, 0, 0, 0, 0, 0]

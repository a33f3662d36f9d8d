"""From the store to an active bundle."""

from __future__ import annotations

import re

import numpy as np
import pytest

from firstlight.bundle import Bundle
from firstlight.domain import Interaction, Item, User
from firstlight.errors import CorruptBundleError, PreconditionError, Reason
from firstlight.hookspecs import hookimpl
from firstlight.plugins import PluginRules, load_plugins
from firstlight.settings import init_home
from firstlight.store import open_store
from firstlight.training import TrainOptions, run as run_module, train

OPTIONS = TrainOptions(device="cpu")


class Observer:
    def __init__(self):
        self.seen = []

    @hookimpl
    def firstlight_before_train(self, catalog_id, preset):
        self.seen.append(("before", catalog_id, preset))

    @hookimpl
    def firstlight_after_train(self, bundle_id):
        self.seen.append(("after", bundle_id))

    @hookimpl
    def firstlight_train_error(self, error):
        self.seen.append(("error", type(error).__name__))


@pytest.fixture
def home(tmp_path):
    return init_home(tmp_path / "home")


@pytest.fixture
def store(home, dataset):
    store = open_store(home)
    store.upsert_items(
        "default", [Item(i, dict(a)) for i, a in zip(dataset.item_ids, dataset.item_attributes, strict=True)]
    )
    store.upsert_users(
        "default", [User(u, dict(a)) for u, a in zip(dataset.user_ids, dataset.user_attributes, strict=True)]
    )
    h = dataset.histories
    events = [
        Interaction(dataset.user_ids[u], dataset.item_ids[i], float(v), time_us=int(t))
        for u, i, v, t in zip(h.rows, h.items, h.values, h.times, strict=True)
    ]
    store.write_interactions("default", events)
    yield store
    store.close()


@pytest.fixture
def observed():
    plugins = load_plugins(PluginRules(block=("sequence",)))
    observer = Observer()
    plugins.manager.register(observer)
    return plugins, observer


def bundles(home):
    return list((home.home / "bundles").glob("*/*")) + list((home.home / "bundles").glob("*/.*"))


def test_train_writes_registers_and_activates(home, store, observed):
    plugins, observer = observed
    stages = []
    result = train(store, home, plugins, "default", OPTIONS, progress=lambda stage, _: stages.append(stage))
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", result.bundle_id)
    assert result.activated
    assert result.gate.decision == "first"
    record = store.active_bundle("default")
    assert record.bundle_id == result.bundle_id
    assert record.dataset_token <= store.last_token()
    assert record.gate["decision"] == "first"
    bundle = Bundle.open(result.path)
    assert bundle.manifest.evaluation["slices"]
    assert [*dict.fromkeys(stages)] == [
        "read", "cross-fit 1/3", "cross-fit 2/3", "cross-fit 3/3", "fusion", "refit", "export", "parity", "activate",
    ]  # fmt: skip
    assert observer.seen == [("before", "default", "small"), ("after", result.bundle_id)]

    again = train(store, home, plugins, "default", OPTIONS)
    assert again.gate.decision == "passed"
    assert again.activated
    assert {c.difference for c in again.gate.comparisons} == {0.0}


def test_a_worse_bundle_is_kept_but_not_activated_unless_forced(home, store, observed, monkeypatch):
    plugins, _ = observed
    first = train(store, home, plugins, "default", OPTIONS)
    real = run_module.judge

    def pessimist(new, active):
        raised = [type(r)(r.name, r.users, {s: v + 0.5 for s, v in r.ndcg.items()}, r.recall) for r in active]
        return real(new, raised)

    monkeypatch.setattr(run_module, "judge", pessimist)
    refused = train(store, home, plugins, "default", OPTIONS)
    assert not refused.activated
    assert "worse than the active bundle" in refused.gate.reason
    assert store.active_bundle("default").bundle_id == first.bundle_id
    assert store.get_bundle("default", refused.bundle_id).gate["decision"] == "refused"
    forced = train(store, home, plugins, "default", TrainOptions(device="cpu", force=True))
    assert forced.activated
    assert store.active_bundle("default").bundle_id == forced.bundle_id


@pytest.mark.parametrize("stage", ["cross-fit 2/3", "refit", "export", "parity", "activate"])
def test_cancelled_anywhere_nothing_is_left(home, store, observed, stage):
    plugins, observer = observed

    def cancel(now, _share):
        if now == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(store, home, plugins, "default", OPTIONS, progress=cancel)
    assert store.active_bundle("default") is None
    assert store.list_bundles("default") == []
    assert bundles(home) == []
    assert observer.seen[-1] == ("error", "KeyboardInterrupt")


def test_a_bundle_that_differs_from_the_model_is_not_kept(home, store, observed, monkeypatch):
    from firstlight_plugins.popularity import Popularity

    load = Popularity.load

    def spoilt(self, directory, runtime):
        load(self, directory, runtime)
        self._table = np.array(self._table) + 0.01 * np.arange(len(self._table))[:, None]

    monkeypatch.setattr(Popularity, "load", spoilt)
    with pytest.raises(CorruptBundleError, match="'popularity'") as caught:
        train(store, home, observed[0], "default", OPTIONS)
    assert caught.value.reason is Reason.PARITY_FAILED
    assert bundles(home) == []


def test_an_empty_catalogue_says_so(home, observed):
    store = open_store(home)
    with pytest.raises(PreconditionError) as caught:
        train(store, home, observed[0], "default", OPTIONS)
    assert caught.value.reason is Reason.EMPTY_CATALOG
    store.close()

"""A stranger's component that trains in PyTorch takes part in all that a built-in one does."""

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest

from firstlight import (
    Candidates,
    FitOptions,
    Metrics,
    Queries,
    Register,
    Runner,
    Runtime,
    Scores,
    TrainingData,
    hookimpl,
)
from firstlight.bundle import Manifest
from firstlight.domain import HistoryEntry, Query
from firstlight.errors import CorruptBundleError, Reason
from firstlight.evaluation import evaluate
from firstlight.pipeline import DegradationReason, Recommender
from firstlight.plugins import GROUP, PluginRules, load_plugins
from firstlight.settings import init_home
from firstlight.store import open_store
from firstlight.testing import CandidateGeneratorContract, tiny_dataset
from firstlight.testing.running import fill
from firstlight.training import TrainOptions, train

NAME = "tower"
QUICK = PluginRules(block=("sequence", "factors"))


class Tower:
    """A user's profile through one linear layer, times an item's content."""

    requires = ()
    broken = False

    def fit(self, data: TrainingData, options: FitOptions) -> Metrics:
        import torch

        from firstlight.learning import TorchRunner

        torch.manual_seed(options.seed)
        histories = data.dataset.histories
        met = histories.positive(data.dataset.schema.positive_value)
        profiles = torch.tensor(data.profiles[histories.rows[met]])
        items = torch.tensor(histories.items[met].astype(np.int64))
        content = torch.tensor(data.items.base_content)
        module = torch.nn.Linear(profiles.shape[1], content.shape[1])
        optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
        loss = torch.zeros(())
        for _ in range(30):
            loss = torch.nn.functional.cross_entropy(module(profiles) @ content.T, items)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self._items = data.items
        self._runner: Runner = TorchRunner(module, ["profile"], ["taste"])
        return {"loss": loss.item()}

    def export(self, directory: Path) -> None:
        from firstlight.learning import export_onnx

        module = self._runner.module
        if self.broken:
            module.bias.data += 1e6
        example = {"profile": np.zeros((2, module.in_features), np.float32)}
        export_onnx(self._runner, directory / "tower.onnx", example, {"profile": {0: "batch"}})
        if self.broken:
            module.bias.data -= 1e6

    def load(self, directory: Path, runtime: Runtime) -> None:
        self._items = runtime.items
        self._runner = runtime.session(directory / "tower.onnx")

    def score(self, queries: Queries, positions) -> Scores:
        known = positions >= 0
        if not positions.size:
            return Scores(np.zeros(positions.shape, np.float32), known)
        taste = self._runner.run({"profile": queries.profiles})["taste"]
        content = self._items.content(np.where(known, positions, 0).ravel()).reshape(*positions.shape, -1)
        values = np.einsum("bcd,bd->bc", content, taste)
        return Scores(np.where(known, values, 0).astype(np.float32), known)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        everything = np.tile(np.arange(self._items.size, dtype=np.int32), (len(queries), 1))
        return Candidates.best(self.score(queries, everything).values, limit)

    def explain(self, queries: Queries, positions):
        return [[None] * positions.shape[1] for _ in range(len(positions))]


def plugin(monkeypatch, factory=Tower) -> EntryPoint:
    module = ModuleType("stranger_tower")

    @hookimpl
    def firstlight_register_candidate_generator(register: Register) -> None:
        register(NAME, factory)

    module.firstlight_register_candidate_generator = firstlight_register_candidate_generator
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return EntryPoint("stranger", module.__name__, GROUP)


@pytest.fixture
def home(tmp_path):
    return init_home(tmp_path / "home")


@pytest.fixture
def store(home):
    store = open_store(home)
    fill(store)
    yield store
    store.close()


def test_it_is_fitted_fused_exported_served_and_reported(monkeypatch, home, store):
    plugins = load_plugins(QUICK, extra=[plugin(monkeypatch)])
    result = train(store, home, plugins, "default", TrainOptions(device="cpu"))
    assert f"{NAME}.loss" in result.metrics
    manifest = Manifest.read(result.path)
    assert NAME in manifest.components
    assert any(NAME in str(path) and str(path).endswith(".onnx") for path in manifest.files)
    slices = manifest.evaluation["slices"]
    assert NAME in json.dumps(slices)

    answer = Recommender(store, home, plugins).recommend("default", [Query(profile={"taste": "loud"}, limit=10)])[0]
    assert not answer.degraded

    report = evaluate(tiny_dataset(), plugins, home, protocol="warm", options=TrainOptions(device="cpu"))
    assert NAME in {row.strategy for row in report.rows}


def test_a_bundle_is_served_without_a_plugin_that_was_removed_and_says_so(monkeypatch, home, store):
    train(store, home, load_plugins(QUICK, extra=[plugin(monkeypatch)]), "default", TrainOptions(device="cpu"))
    without = Recommender(store, home, load_plugins(QUICK))
    [answer] = without.recommend(
        "default", [Query(profile={"taste": "loud"}, history=[HistoryEntry("item-01")], limit=5)]
    )
    assert len(answer.items) == 5
    assert [(each.reason, each.component) for each in answer.degraded] == [(DegradationReason.COMPONENT_ABSENT, NAME)]


def test_an_export_that_is_another_model_is_refused(monkeypatch, home, store):
    class Broken(Tower):
        broken = True

    plugins = load_plugins(QUICK, extra=[plugin(monkeypatch, Broken)])
    with pytest.raises(CorruptBundleError, match=NAME) as caught:
        train(store, home, plugins, "default", TrainOptions(device="cpu"))
    assert caught.value.reason == Reason.PARITY_FAILED
    assert store.active_bundle("default") is None


class TestTower(CandidateGeneratorContract):
    component = Tower
    lacks: ClassVar = {"item_vectors": "its items are their content"}

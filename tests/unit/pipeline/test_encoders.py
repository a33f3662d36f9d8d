"""A bundle with columns of a plugin's encoder, served with it, without it, and with one that fails."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from firstlight.bundle import Bundle
from firstlight.domain import Dataset, Item, Query
from firstlight.errors import PluginError
from firstlight.features import FeatureEncoders, training_data
from firstlight.hookspecs import hookimpl
from firstlight.pipeline import DegradationReason, Engine
from firstlight.pipeline.loading import load_encoders
from firstlight.plugins import GROUP, PluginRules, Plugins, load_plugins
from firstlight.roles import FitOptions


class Shelves:
    """Whether an item's shelf is known, and another column that says so again."""

    names: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    fails = False

    def __init__(self, side: str = "items", field: str = "shelf") -> None:
        self.side = side
        self.field = field

    def fit(self, schema: Any, rows: Any, *, seed: int) -> None:
        self.load(Path())

    def encode(self, rows: Any) -> Any:
        if type(self).fails:
            raise RuntimeError("broken since yesterday")
        return np.array([[self.field in row] * 2 for row in rows], np.float32).reshape(len(rows), 2)

    def export(self, directory: Path) -> None: ...

    def load(self, directory: Path) -> None:
        self.names = (f"{self.field}?", f"{self.field}??")
        self.fields = (self.field, self.field)


@pytest.fixture
def with_encoders(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plugins]:
    def load(**factories: Any) -> Plugins:
        def register_all(register: Any) -> None:
            for name, factory in factories.items():
                register(name, factory)

        module = ModuleType("an_encoder")
        module.firstlight_register_feature_encoder = hookimpl(register_all)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "an_encoder", module)
        return load_plugins(extra=[EntryPoint("encoder", "an_encoder", GROUP)])

    return load


@pytest.fixture
def path(dataset: Dataset, plugins: Plugins, write: Callable[..., Path], tmp_path: Path) -> Path:
    encoders = FeatureEncoders.fit(dataset, plugged={"shelves": Shelves(), "ages": Shelves("users", "age")})
    data = training_data(dataset, encoders, validation=np.arange(0, len(dataset.user_ids), 6))
    popularity = plugins.registrations["popularity"].create()
    popularity.fit(data, FitOptions())
    return write(tmp_path, encoders=encoders, items=data.items, components={"popularity": popularity})


QUERY = Query(profile={"camp": "reader", "age": 30}, limit=5)


def gone(engine: Engine) -> dict[str, DegradationReason]:
    [answer] = engine.recommend([QUERY])
    assert len(answer.items) == 5
    return {note.component: note.reason for note in answer.degraded if note.component}


def test_with_its_encoders_nothing_is_missing(path, with_encoders):
    engine = Engine.open(path, with_encoders(shelves=Shelves, ages=lambda: Shelves("users", "age")))
    assert gone(engine) == {}


def test_without_them_it_answers_and_says_so(path, plugins, caplog):
    engine = Engine.open(path, plugins)
    assert gone(engine) == dict.fromkeys(("shelves", "ages"), DegradationReason.COMPONENT_ABSENT)
    assert "feature encoder shelves cannot be loaded: no loaded plugin offers feature encoder 'shelves'" in caplog.text
    engine.add_items([Item("new", {"shelf": "books"})])


def test_a_component_of_another_role_is_no_encoder(path, with_encoders):
    plugins = with_encoders(ages=lambda: Shelves("users", "age"))
    found = plugins.registrations["popularity"]
    plugins.registrations["shelves"] = found
    assert list(load_encoders(Bundle.open(path), None, plugins).absent) == ["shelves"]


def test_strict_plugins_refuse_a_bundle_without_its_encoder(path):
    plugins = load_plugins(PluginRules(strict=True))
    with pytest.raises(PluginError, match="feature encoder 'ages' cannot be loaded"):
        load_encoders(Bundle.open(path), None, plugins)


def test_one_that_fails_while_serving_is_named(path, with_encoders, monkeypatch):
    engine = Engine.open(path, with_encoders(shelves=Shelves, ages=lambda: Shelves("users", "age")))
    monkeypatch.setattr(Shelves, "fails", True)
    assert gone(engine) == {"ages": DegradationReason.COMPONENT_FAILED}
    engine.add_items([Item("new", {"shelf": "books"})])  # its columns are zeros until the next training
    monkeypatch.setattr(Shelves, "fails", False)
    assert gone(engine) == {}

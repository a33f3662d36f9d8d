"""A small catalogue with two camps: readers like the first half of the items, gamers the second half."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from firstlight.bundle import write_bundle
from firstlight.domain import Attribute, Dataset, Interaction, Item, Kind, Schema, User
from firstlight.features import FeatureEncoders, training_data
from firstlight.hookspecs import hookimpl
from firstlight.pipeline import Engine, Model
from firstlight.plugins import Plugins, load_plugins
from firstlight.roles import FitOptions
from firstlight.store import open_store

ITEMS = 40
USERS = 60
HALF = ITEMS // 2
SCHEMA = Schema(
    users=(Attribute("camp", Kind.CATEGORICAL), Attribute("age", Kind.NUMERIC)),
    items=(Attribute("shelf", Kind.CATEGORICAL), Attribute("year", Kind.NUMERIC)),
    has_values=True,
    has_times=True,
)


def item_id(n: int) -> str:
    return f"item-{n:02d}"


def catalogue_items() -> list[Item]:
    shelf = ["books", "games"]
    return [Item(item_id(n), {"shelf": shelf[n // HALF], "year": 1990 + n % 10}) for n in range(ITEMS)]


def catalogue_users() -> list[User]:
    return [User(f"user-{u:02d}", {"camp": ["reader", "gamer"][u % 2], "age": 20 + u % 30}) for u in range(USERS)]


def catalogue_interactions() -> list[Interaction]:
    """Each user rates 8 items of the own camp with 5 and 2 of the other with 1."""
    rng = np.random.default_rng(7)
    out = []
    for u in range(USERS):
        own, other = (u % 2) * HALF, (1 - u % 2) * HALF
        # The last two items of each half are never rated: they are new.
        liked = own + rng.choice(HALF - 2, 8, replace=False)
        disliked = other + rng.choice(HALF - 2, 2, replace=False)
        for n, (item, value) in enumerate([*((i, 5.0) for i in liked), *((i, 1.0) for i in disliked)]):
            out.append(Interaction(f"user-{u:02d}", item_id(int(item)), value, time_us=1_000_000 * (n + 1)))
    return out


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    return load_plugins()


@pytest.fixture(scope="session")
def filled_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the whole catalogue, to be copied."""
    path = tmp_path_factory.mktemp("store") / "filled.db"
    store = open_store(f"sqlite:///{path}")
    fill(store)
    store.close()
    return path


@pytest.fixture(scope="session")
def dataset(filled_store: Path) -> Dataset:
    store = open_store(f"sqlite:///{filled_store}")
    found = store.load_dataset("default", SCHEMA)
    store.close()
    return found


def fill(store: Any, catalog_id: str = "default") -> int:
    """Write the whole catalogue into a store; the last change's number."""
    store.ensure_catalog(catalog_id)
    store.set_catalog_schema(catalog_id, SCHEMA)
    store.upsert_items(catalog_id, catalogue_items())
    store.upsert_users(catalog_id, catalogue_users())
    store.write_interactions(catalog_id, catalogue_interactions())
    return int(store.last_token())


@pytest.fixture(scope="session")
def fitted(dataset: Dataset, plugins: Plugins) -> tuple[Model, FeatureEncoders]:
    """popularity and neighbours, fitted; popularity alone ranks, as the ranker has learnt nothing."""
    encoders = FeatureEncoders.fit(dataset)
    data = training_data(dataset, encoders, validation=np.arange(0, USERS, 6))
    components = {name: plugins.registrations[name].create() for name in ("popularity", "neighbours")}
    for component in components.values():
        component.fit(data, FitOptions())
    model = Model(data.items, components, None, SCHEMA.positive_value, encoders.profile_fields)
    return model, encoders


@pytest.fixture(scope="session")
def write(dataset: Dataset, plugins: Plugins, fitted: tuple[Model, FeatureEncoders]) -> Callable[..., Path]:
    """Write a bundle of the fitted components under ``root``."""
    model, encoders = fitted

    def write(root: Path, bundle_id: str = "b1", *, dataset_token: int = 0, **changed: Any) -> Path:
        given: dict[str, Any] = {
            "catalog_id": "default",
            "schema": SCHEMA,
            "item_ids": dataset.item_ids,
            "encoders": encoders,
            "items": model.items,
            "components": model.components,
            "ranker": None,
            "metrics": {"popularity.validation_ndcg": 0.5},
            "evaluation": {},
            "plugins": plugins,
        }
        return write_bundle(root, bundle_id=bundle_id, dataset_token=dataset_token, **(given | changed))

    return write


@pytest.fixture(scope="session")
def bundle_path(tmp_path_factory: pytest.TempPathFactory, write: Callable[..., Path]) -> Path:
    return write(tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def engine(bundle_path: Path, plugins: Plugins) -> Engine:
    """A fresh engine, as live items change it."""
    return Engine.open(bundle_path, plugins, verify=False)


@pytest.fixture
def hooked(plugins: Plugins) -> Iterator[Callable[..., None]]:
    """``hooked(firstlight_...=function)``: a plugin with these hooks, for the length of a test."""
    registered: list[object] = []

    def hooked(**hooks: Callable[..., Any]) -> None:
        plugin = SimpleNamespace(**{name: hookimpl(function) for name, function in hooks.items()})
        registered.append(plugin)
        plugins.manager.register(plugin, name=f"test-{len(registered)}")

    yield hooked
    for plugin in registered:
        plugins.manager.unregister(plugin)

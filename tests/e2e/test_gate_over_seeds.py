"""The gate must not take the luck of a seed for a loss: ten trainings on the same data, none of them refused."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import entry_points

import numpy as np
import pytest

from firstlight.domain import Attribute, Dataset, Histories, Kind, Schema
from firstlight.plugins import GROUP, PluginRules, load_plugins
from firstlight.settings import Settings
from firstlight.training import TrainOptions, fit_product
from firstlight.training.gate import judge

KEPT = ("popularity", "neighbours", "factors", "sequence", "fusion")
SEEDS = range(10)
USERS, ITEMS, TASTES, LENGTH = 180, 120, 4, 26
GENRES = ("crime", "drama", "farce", "opera", "space", "war")


def shop() -> Dataset:
    """Tastes that histories and profiles tell in part, items whose genres tell in part who likes them."""
    rng = np.random.default_rng(1)
    taste = rng.normal(size=(USERS, TASTES))
    kind = rng.normal(size=(ITEMS, TASTES))
    genre = (kind @ rng.normal(size=(TASTES, len(GENRES))) + rng.normal(size=(ITEMS, len(GENRES)))).argmax(axis=1)
    ages = 40 + 10 * taste[:, 0] + 5 * rng.normal(size=USERS)
    liking = taste @ kind.T / 2
    appeal = liking - np.log1p(rng.permutation(ITEMS)) + rng.gumbel(size=(USERS, ITEMS))
    chosen = np.argsort(-appeal, axis=1)[:, :LENGTH]
    chosen = rng.permuted(chosen, axis=1)
    rows, items = np.repeat(np.arange(USERS), LENGTH), chosen.ravel()
    values = np.clip(np.round(3.6 + liking[rows, items] + rng.normal(size=len(rows))), 1, 5)
    schema = Schema(
        users=(Attribute("age", Kind.NUMERIC),),
        items=(Attribute("genre", Kind.CATEGORICAL),),
        has_values=True,
        has_times=True,
    )
    return Dataset(
        schema,
        tuple(f"u{n}" for n in range(USERS)),
        tuple(f"i{n:03}" for n in range(ITEMS)),
        tuple({"age": float(age)} for age in ages),
        tuple({"genre": GENRES[n]} for n in genre),
        Histories.from_events(rows, items, values, np.zeros(len(rows), int), np.arange(len(rows)) + 1, size=USERS),
    )


@pytest.mark.slow
def test_ten_trainings_on_the_same_data_pass_the_gate(tmp_path):
    others = tuple(point.name for point in entry_points(group=GROUP) if point.name not in KEPT)
    plugins = load_plugins(PluginRules(block=others))
    settings = Settings(home=tmp_path, plugins={"sequence": {"epochs": 2, "batch_size": 32}})
    data = shop()
    products = [fit_product(data, plugins, settings, TrainOptions(device="cpu", seed=seed)) for seed in SEEDS]
    assert len({p.metrics["sequence.validation_loss"] for p in products}) == len(SEEDS), "seeds must make a difference"
    results = [product.crossfit.results for product in products]
    gates = [judge(new, old) for n, new in enumerate(results) for old in results[:n]]
    assert {gate.decision for gate in gates} == {"passed"}, {gate.reason for gate in gates}
    assert {len(gate.comparisons) for gate in gates} == {9}
    assert any(c.high < 0 for gate in gates for c in gate.comparisons), "users alone would refuse some"

    order = np.random.default_rng(0).permutation(ITEMS)
    mixed = replace(data, item_attributes=tuple(data.item_attributes[n] for n in order))
    worse = fit_product(mixed, plugins, settings, TrainOptions(device="cpu")).crossfit.results
    found = [judge(worse, old) for old in results]
    assert {gate.decision for gate in found} == {"refused"}, [
        c for gate in found for c in gate.comparisons if c.high < 0
    ]

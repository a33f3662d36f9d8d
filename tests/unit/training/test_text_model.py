"""A text model takes part in training, is named by the bundle, and encodes items that come later."""

from __future__ import annotations

import numpy as np
import pytest

from firstlight.bundle import Bundle
from firstlight.domain import Attribute, HistoryEntry, Interaction, Item, Kind, Query, Schema
from firstlight.errors import PreconditionError
from firstlight.features import FeatureEncoders
from firstlight.pipeline import Engine
from firstlight.settings import init_home
from firstlight.store import open_store
from firstlight.training import TrainOptions, train

SPACE = ("a rocket flies to the moon", "astronauts repair a satellite", "aliens land on a far planet", "a black hole")
FOOD = ("a baker sells fresh bread", "soup and salad for dinner", "the cook roasts a chicken", "cakes with cream")
NEW_SPACE, NEW_FOOD = "spaceship crew orbiting Mars", "delicious pasta recipes"
"""No word of these stands in any text above: only their meaning can tell."""


@pytest.fixture(scope="module")
def trained(make_dataset, every_plugin, text_folder, tmp_path_factory):
    """Even users like the even items, which are about space."""
    dataset = make_dataset(users=60, items=32, length=12)
    home = init_home(tmp_path_factory.mktemp("home") / "home")
    home = home.model_copy(
        update={
            "plugins": {"sequence": {"epochs": 2}},
            "train": home.train.model_copy(update={"text_model": text_folder}),
        }
    )
    store = open_store(home)
    store.ensure_catalog("default")
    store.set_catalog_schema("default", Schema(items=(Attribute("plot", Kind.TEXT),), has_values=True, has_times=True))
    plots = [(FOOD if n % 2 else SPACE)[n // 2 % 4] for n in range(32)]
    store.upsert_items("default", [Item(i, {"plot": plot}) for i, plot in zip(dataset.item_ids, plots, strict=True)])
    h = dataset.histories
    events = [
        Interaction(dataset.user_ids[u], dataset.item_ids[i], float(v), time_us=int(t))
        for u, i, v, t in zip(h.rows, h.items, h.values, h.times, strict=True)
    ]
    store.write_interactions("default", events)
    result = train(store, home, every_plugin, "default", TrainOptions(device="cpu"))
    yield result.path, dataset
    store.close()


def test_the_bundle_names_the_model_and_does_not_open_without_it(trained, every_plugin):
    path, _ = trained
    assert FeatureEncoders.required_text_model(Bundle.open(path).encoders) == "minilm@8199be6f699a395f"
    with pytest.raises(PreconditionError, match="text model"):
        Engine.open(path, every_plugin)


def test_another_model_is_refused_by_name(trained, every_plugin, text_folder, tmp_path):
    other = tmp_path / "renamed"
    other.symlink_to(text_folder)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in text_folder.iterdir():
        (copy / file.name).symlink_to(file.resolve())
    with pytest.raises(PreconditionError, match="minilm@8199be6f699a395f"):
        Engine.open(trained[0], every_plugin, text_model=copy)
    Engine.open(trained[0], every_plugin, text_model=other)


def test_a_live_item_is_placed_by_the_meaning_of_its_text(trained, every_plugin, text_folder):
    path, dataset = trained
    engine = Engine.open(path, every_plugin, text_model=text_folder)
    engine.add_items([Item("space", {"plot": NEW_SPACE}), Item("food", {"plot": NEW_FOOD})])

    def scores(first: int) -> dict[str, float]:
        history = tuple(HistoryEntry(dataset.item_ids[n], 5.0) for n in range(first, 16, 2))
        (answer,) = engine.recommend([Query(history=history, candidates=("space", "food"))])
        return {i.item_id: i.score for i in answer.items}

    of_space, of_food = scores(0), scores(1)
    assert of_space["space"] - of_space["food"] > of_food["space"] - of_food["food"] + 0.1
    nearest = engine.similar_items("space", limit=8)
    assert nearest.strategy == "projection"
    even = [int(i.item_id[1:]) % 2 == 0 for i in nearest.items if i.item_id != "food"]
    assert np.mean(even) > 0.7

"""Writes the newest golden bundle and what it answers: ``python tests/golden/make.py``, once per bundle format.

Format 1 holds popularity, neighbours and the fusion; format 2 adds columns of a plugin's encoder; format 3 adds
factors, and a fast route without them, which answers without history. A golden bundle of a
released version is never written again: it is the proof that old bundles still load.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from firstlight.bundle import FORMAT, FastRoute, write_bundle
from firstlight.domain import Attribute, Attributes, Dataset, HistoryEntry, Kind, Queries, Query, RankingExamples
from firstlight.features import FeatureEncoders, training_data
from firstlight.hookspecs import Register, hookimpl
from firstlight.pipeline import Engine, Model, Recommendation
from firstlight.plugins import GROUP, Plugins, load_plugins
from firstlight.roles import FitOptions
from firstlight.testing import tiny_dataset

HERE = Path(__file__).parent
BUNDLE = HERE / f"format-{FORMAT}"
ANSWERS = HERE / f"format-{FORMAT}.answers.json"
COMPONENTS = ("popularity", "neighbours", "factors")
FAST = FastRoute(("popularity", "neighbours"), ("popularity", "neighbours"), {"0": 0.99, "1": 0.9})
SHOWN = 5


class Decades:
    """A plugin's encoder: one column a decade of age."""

    side: Literal["users"] = "users"
    names: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    def fit(self, schema: Sequence[Attribute], rows: Sequence[Attributes], *, seed: int) -> None:
        decades = sorted({_decade(row) for row in rows if "age" in row})
        self.names = tuple(f"age={decade}0s" for decade in decades)
        self.fields = ("age",) * len(decades)

    def encode(self, rows: Sequence[Attributes]) -> NDArray[np.float32]:
        out = np.zeros((len(rows), len(self.names)), np.float32)
        for n, row in enumerate(rows):
            if "age" in row:
                out[n] = [name == f"age={_decade(row)}0s" for name in self.names]
        return out

    def export(self, directory: Path) -> None:
        (directory / "decades.json").write_text(json.dumps(self.names), encoding="utf-8")

    def load(self, directory: Path) -> None:
        self.names = tuple(json.loads((directory / "decades.json").read_text(encoding="utf-8")))
        self.fields = ("age",) * len(self.names)


def _decade(row: Attributes) -> int:
    return int(row["age"]) // 10  # type: ignore[arg-type]  # numeric in the tiny catalogue


def plugins() -> Plugins:
    """The built-in ones, and the one whose encoder is in format 2."""

    @hookimpl
    def firstlight_register_feature_encoder(register: Register) -> None:
        register("decades", Decades)

    module = ModuleType("golden_plugin")
    module.firstlight_register_feature_encoder = firstlight_register_feature_encoder  # type: ignore[attr-defined]
    sys.modules["golden_plugin"] = module
    return load_plugins(extra=[EntryPoint("golden", "golden_plugin", GROUP)])


def queries() -> list[Query]:
    """A stranger, a new user, a newcomer with three ratings, and given candidates."""
    history = (HistoryEntry("item-01", 5.0), HistoryEntry("item-03", 4.0), HistoryEntry("item-02", 1.0))
    return [
        Query(limit=SHOWN),
        Query(profile={"taste": "calm", "age": "30"}, limit=SHOWN),
        Query(profile={"taste": "loud"}, history=history, limit=SHOWN),
        Query(candidates=("item-04", "item-05", "item-23"), limit=SHOWN),
    ]


def dataset() -> Dataset:
    """The tiny catalogue without its text, whose vectors would be most of the bundle."""
    full = tiny_dataset()
    items = tuple(a for a in full.schema.items if a.kind is not Kind.TEXT)
    return replace(full, schema=replace(full.schema, items=items))


def examples(model: Model, data: Dataset, encoders: FeatureEncoders) -> list[RankingExamples]:
    """What users went on to like after three interactions."""
    shown = Queries(encoders.profiles(data.user_attributes), data.histories.oldest(3))
    positions = np.broadcast_to(np.arange(len(data.item_ids), dtype=np.int32), (len(shown), len(data.item_ids)))
    liked = np.zeros(positions.shape, np.bool_)
    hidden = data.histories.keep(data.histories.ranks() >= 3)
    good = hidden.keep(hidden.positive(data.schema.positive_value))
    liked[good.rows, good.items] = True
    total = liked.sum(axis=1).astype(np.int32)
    return [RankingExamples("new-user k=3", model.inputs(shown, positions), liked, total)]


def _rows(answer: Recommendation) -> list[list[Any]]:
    return [[item.item_id, round(item.score, 6), item.source] for item in answer.items]


def main() -> None:
    """Write ``format-N/`` and ``format-N.answers.json``."""
    if BUNDLE.exists() and sys.argv[1:] != ["--again"]:
        sys.exit(f"{BUNDLE.name} exists; --again writes it again, which only an unreleased format may need")
    loaded, data = plugins(), dataset()
    encoders = FeatureEncoders.fit(data, plugged={"decades": Decades()})
    training = training_data(data, encoders, validation=np.arange(0, len(data.user_ids), 4))
    components: dict[str, Any] = {name: loaded.registrations[name].create() for name in COMPONENTS}
    for component in components.values():
        component.fit(training, FitOptions())
    ranker = loaded.registrations["fusion"].create()
    model = Model(training.items, components, None, data.schema.positive_value, encoders.profile_fields)
    learnt = examples(model, data, encoders)
    ranker.fit(learnt, seed=0)
    quick = loaded.registrations["fusion"].create()
    quick.fit([replace(e, inputs=e.inputs.of(FAST.components)) for e in learnt], seed=0)
    written = write_bundle(
        HERE / ".building",
        bundle_id="golden",
        catalog_id="default",
        schema=data.schema,
        item_ids=data.item_ids,
        encoders=encoders,
        items=training.items,
        components=components,
        ranker=ranker,
        fast=FAST,
        fast_ranker=quick,
        metrics={},
        evaluation={},
        dataset_token=0,
        plugins=loaded,
    )
    shutil.rmtree(BUNDLE, ignore_errors=True)
    written.rename(BUNDLE)
    shutil.rmtree(HERE / ".building")
    answers = [
        {
            "scenario": a.scenario.name,
            "route": a.route,
            "items": [[i.item_id, round(i.score, 6), i.source] for i in a.items],
        }
        for a in Engine.open(BUNDLE, loaded).recommend(queries())
    ]
    ANSWERS.write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

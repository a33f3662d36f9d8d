"""Writes a golden bundle and what it answers: ``python tests/golden/make.py``, once per bundle format.

A golden bundle of a released version is never written again: it is the proof that old bundles still load.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from firstlight.bundle import FORMAT, write_bundle
from firstlight.domain import Dataset, HistoryEntry, Kind, Queries, Query, RankingExamples
from firstlight.features import FeatureEncoders, training_data
from firstlight.pipeline import Engine, Model
from firstlight.plugins import load_plugins
from firstlight.roles import FitOptions
from firstlight.testing import tiny_dataset

HERE = Path(__file__).parent
BUNDLE = HERE / f"format-{FORMAT}"
ANSWERS = HERE / f"format-{FORMAT}.answers.json"
COMPONENTS = ("popularity", "neighbours")
SHOWN = 5


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


def main() -> None:
    """Write ``format-N/`` and ``format-N.answers.json``."""
    if BUNDLE.exists() and sys.argv[1:] != ["--again"]:
        sys.exit(f"{BUNDLE.name} exists; --again writes it again, which only an unreleased format may need")
    plugins, data = load_plugins(), dataset()
    encoders = FeatureEncoders.fit(data)
    training = training_data(data, encoders, validation=np.arange(0, len(data.user_ids), 4))
    components: dict[str, Any] = {name: plugins.registrations[name].create() for name in COMPONENTS}
    for component in components.values():
        component.fit(training, FitOptions())
    ranker = plugins.registrations["fusion"].create()
    model = Model(training.items, components, None, data.schema.positive_value, encoders.profile_fields)
    ranker.fit(examples(model, data, encoders), seed=0)
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
        metrics={},
        evaluation={},
        dataset_token=0,
        plugins=plugins,
    )
    shutil.rmtree(BUNDLE, ignore_errors=True)
    written.rename(BUNDLE)
    shutil.rmtree(HERE / ".building")
    answers = [
        {"scenario": a.scenario.name, "items": [[i.item_id, round(i.score, 6), i.source] for i in a.items]}
        for a in Engine.open(BUNDLE, plugins).recommend(queries())
    ]
    ANSWERS.write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

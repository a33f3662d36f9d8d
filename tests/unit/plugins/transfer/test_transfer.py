"""What the strategy learns here, and what it brings from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from firstlight.domain import Attribute, Histories, Kind, Queries, ReasonCode, Schema
from firstlight.features import FeatureEncoders, training_data
from firstlight.roles import FitOptions
from firstlight.testing import CALM_ITEMS, LOUD_ITEMS, UNSEEN_ITEMS, tiny_dataset, tiny_training_data
from firstlight_plugins.transfer import Transfer, TransferSettings

NOTICED = 0.003
NOBODY = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Source:
    """A fitted catalogue as a training run's source."""

    folder: object
    encoders: FeatureEncoders

    def component(self, name):
        assert name == "transfer"
        return self.folder

    def content(self, attributes):
        return self.encoders.content([{k: v for k, v in row.items() if k != "title"} for row in attributes])

    def profiles(self, attributes):
        return self.encoders.profiles(attributes)


@pytest.fixture(scope="module")
def data():
    return tiny_training_data()


@pytest.fixture(scope="module")
def here(data):
    component = Transfer()
    component.fit(data, FitOptions())
    return component


@pytest.fixture(scope="module")
def source(tmp_path_factory, here):
    folder = tmp_path_factory.mktemp("source")
    here.export(folder)
    return Source(folder, FeatureEncoders.fit(tiny_dataset()))


def few(*, users=4, genres="genres"):
    """A catalogue of the same tastes with ``users`` users, whose attribute ``genres`` may have another name."""
    whole = tiny_dataset(seed=1)
    kinds = tuple(replace(a, name=genres) if a.name == "genres" else a for a in whole.schema.items)
    part = replace(
        whole.select_users(np.arange(users)),
        schema=replace(whole.schema, items=kinds),
        item_attributes=tuple(
            {genres if name == "genres" else name: value for name, value in row.items() if name != "title"}
            for row in whole.item_attributes
        ),
    )
    return training_data(part, FeatureEncoders.fit(part), validation=NOBODY)


def fitted(data, source, **settings):
    component = Transfer(TransferSettings(**settings))
    return component, component.fit(data, FitOptions(source=source))


def gap(component, data, liked, value=5.0):
    """How far unseen items of the taste of item ``liked`` lie above those of the other for who gave it ``value``."""
    asked = Queries(np.zeros_like(data.profiles[:1]), Histories.from_rows([[liked]], [[value]]))
    empty = Queries(asked.profiles, Histories.empty(1))
    positions = np.array([UNSEEN_ITEMS], np.int32)
    lift = component.score(asked, positions).values - component.score(empty, positions).values
    return float(lift[0, liked % 2] - lift[0, 1 - liked % 2])


def test_history_lifts_its_like_even_among_items_nobody_met(here, data):
    assert gap(here, data, liked=0) > NOTICED
    assert gap(here, data, liked=1) > NOTICED
    assert gap(here, data, liked=0, value=1.0) < gap(here, data, liked=0)


def test_a_profile_brings_its_items(here, data):
    calm = data.profiles[[0]] * np.array([name == "taste=calm" for name in data.profile_names])
    found = here.generate(Queries(calm.astype(np.float32), Histories.empty(1)), 5).positions[0]
    assert set(found) <= set(CALM_ITEMS)


def test_a_body_is_worth_more_than_four_users(source):
    data = few()
    alone, _ = fitted(data, None)
    carried, metrics = fitted(data, source)
    assert metrics["matched"] > 0
    assert gap(carried, data, liked=0) > 2 * max(gap(alone, data, liked=0), 0.0)


@pytest.mark.parametrize("mode", ["frozen", "adapted", "fine_tuned"])
def test_every_mode_carries_the_taste(source, mode):
    data = few()
    component, _ = fitted(data, source, mode=mode)
    assert gap(component, data, liked=1) > NOTICED


def test_attributes_with_other_names_need_a_mapping(source):
    data = few(genres="category")
    lost, _ = fitted(data, source, mode="frozen")
    found, _ = fitted(data, source, mode="frozen", attributes={"category": "genres"})
    assert abs(gap(lost, data, liked=0)) < 0.2 * gap(found, data, liked=0)


def test_a_source_that_shares_nothing_is_no_fault(source):
    whole = tiny_dataset(seed=1)
    bare = replace(
        whole.select_users(np.arange(5)),
        schema=Schema(items=(Attribute("colour", Kind.CATEGORICAL),), has_values=True),
        user_attributes=({},) * 5,
        item_attributes=tuple({"colour": ("red", "blue")[n % 2]} for n in range(len(whole.item_ids))),
    )
    data = training_data(bare, FeatureEncoders.fit(bare), validation=NOBODY)
    component, metrics = fitted(data, source)
    assert metrics["matched"] == 0
    positions = np.arange(24, dtype=np.int32)[None]
    assert np.isfinite(component.score(Queries(data.profiles[:1], Histories.from_rows([[0]])), positions).values).all()


def test_neither_attributes_nor_values_nor_times():
    whole = tiny_dataset()
    histories = replace(
        whole.histories,
        values=np.full_like(whole.histories.values, np.nan),
        times=np.zeros_like(whole.histories.times),
    )
    bare = replace(
        whole,
        schema=Schema(),
        user_attributes=({},) * len(whole.user_ids),
        item_attributes=({},) * len(whole.item_ids),
        histories=histories,
    )
    data = training_data(bare, FeatureEncoders.fit(bare), validation=np.arange(60))
    component, _ = fitted(data, None)
    positions = np.arange(24, dtype=np.int32)[None]
    values = component.score(Queries(data.profiles[:1], Histories.empty(1)), positions).values[0]
    counts = data.items.base_counts
    assert counts[np.argmax(values)] >= np.sort(counts)[-3]


def test_a_target_can_be_a_source_in_turn(source, tmp_path):
    between = few()
    first, _ = fitted(between, source)
    first.export(tmp_path)
    data = few(users=3)
    second, _ = fitted(data, Source(tmp_path, FeatureEncoders.fit(between.dataset)))
    assert gap(second, data, liked=0) > 0.5 * gap(first, between, liked=0)


def test_reasons_name_what_added_most(here, data):
    profile = np.zeros_like(data.profiles[:1])
    nothing, liked = (
        Queries(profile, Histories.from_rows([items], [values])) for items, values in (([], []), ([0, 1], [5.0, 1.0]))
    )
    positions = np.arange(24, dtype=np.int32)[None]
    alone = Queries(profile, Histories.from_rows([[0]], [[5.0]]))
    lift = (here.score(alone, positions).values - here.score(nothing, positions).values)[0]
    reasons = here.explain(liked, positions)[0]
    assert reasons[lift.argmax()].code == ReasonCode.SIMILAR_TO_HISTORY
    assert reasons[lift.argmax()].history_position == 0
    assert reasons[lift.argmin()].code != ReasonCode.SIMILAR_TO_HISTORY  # what lowers a score is no reason for it
    seen, unseen = here.explain(nothing, np.array([[LOUD_ITEMS[0], UNSEEN_ITEMS[1]]], np.int32))[0]
    assert seen.code == ReasonCode.POPULAR
    assert unseen.code == ReasonCode.MATCHES_CONTENT

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from firstlight.domain import Histories, ItemTable, Queries, ReasonCode
from firstlight.roles import FitOptions
from firstlight.testing import CALM_ITEMS, LOUD_ITEMS, UNSEEN_ITEMS, tiny_training_data
from firstlight_plugins.popularity import Popularity, PopularitySettings, component as component_module
from firstlight_plugins.popularity.training import Counting


@pytest.fixture(scope="module")
def data():
    return tiny_training_data()


@pytest.fixture(scope="module")
def popularity(data):
    component = Popularity()
    component.fit(data, FitOptions())
    return component


def new_users(data, *tastes):
    profiles = np.zeros((len(tastes), data.profiles.shape[1]), np.float32)
    for row, taste in enumerate(tastes):
        if taste:
            profiles[row, data.profile_names.index(f"taste={taste}")] = 1
    return Queries(profiles, Histories.empty(len(tastes)))


def test_a_profile_gets_its_own_items(data, popularity) -> None:
    found = popularity.generate(new_users(data, "calm", "loud"), 8).positions
    assert set(found[0]) <= set(CALM_ITEMS)
    assert set(found[1]) <= set(LOUD_ITEMS)


def test_without_a_profile_the_order_is_that_of_votes(data) -> None:
    histories = data.dataset.histories
    votes = np.bincount(histories.items[histories.values >= 4], minlength=24)
    plain = Popularity()
    plain.fit(
        replace(data, dataset=replace(data.dataset, schema=replace(data.dataset.schema, has_times=False))), FitOptions()
    )
    values = plain.score(new_users(data, ""), np.arange(22, dtype=np.int32)[None]).values[0]
    assert (np.diff(votes[:22][np.argsort(-values)]) <= 0).all()


def test_scores_are_logs_of_shares(data, popularity) -> None:
    values = popularity.score(new_users(data, ""), np.arange(24, dtype=np.int32)[None]).values
    np.testing.assert_allclose(np.exp(values).sum(), 1, atol=1e-4)


def test_offsets_are_the_scores_of_all_items(data, popularity) -> None:
    queries = new_users(data, "calm", "", "loud")
    positions = np.tile(np.arange(24, dtype=np.int32), (3, 1))
    np.testing.assert_allclose(
        popularity.offsets(queries.profiles), popularity.score(queries, positions).values, atol=1e-5
    )


def test_an_unseen_item_of_the_right_genre_is_preferred(data, popularity) -> None:
    positions = np.tile(np.array(UNSEEN_ITEMS, np.int32), (2, 1))
    values = popularity.score(new_users(data, "calm", "loud"), positions).values
    assert values[0, 0] > values[0, 1]
    assert values[1, 1] > values[1, 0]


def test_content_predicts_what_it_was_told(data, popularity) -> None:
    vectors = popularity.embed_items(data.items.base_content)
    seen = data.items.base_counts > 0
    assert vectors.shape == (24, 1 + data.profiles.shape[1])
    own = popularity.score(new_users(data, ""), np.arange(24, dtype=np.int32)[None]).values[0]
    assert np.abs(vectors[seen, 0] - own[seen]).max() < 1.0


def test_reasons_are_true(data, popularity) -> None:
    queries = new_users(data, "calm", "")
    positions = np.tile(np.array([0, UNSEEN_ITEMS[0]], np.int32), (2, 1))
    (segment, unseen), (plain, _) = popularity.explain(queries, positions)
    assert (segment.code, segment.attribute) == (ReasonCode.POPULAR_IN_SEGMENT, "taste=calm")
    assert unseen.code == ReasonCode.MATCHES_CONTENT
    assert plain.code == ReasonCode.POPULAR


def test_votes_weigh_by_place_and_age(data) -> None:
    dataset = data.dataset
    weights = Counting(True, 5.0, None).weigh(dataset)
    disliked = dataset.histories.values < 4
    assert (weights[disliked] == 0).all()
    place = dataset.histories.ranks() + 1
    np.testing.assert_allclose(weights[~disliked], (place / (place + 5))[~disliked])
    half_life = (dataset.histories.times.max() - dataset.histories.times.min()) / 86_400_000_000
    aged = Counting(False, 0.0, half_life).weigh(dataset)
    np.testing.assert_allclose([aged[dataset.histories.times.argmin()], aged.max()], [0.5, 1])


def test_an_empty_catalogue_of_votes_still_scores(data) -> None:
    items = ItemTable(data.items.base_content, np.zeros(24, np.int32))
    empty = replace(data, dataset=replace(data.dataset, histories=Histories.empty(80)), items=items)
    component = Popularity()
    component.fit(replace(empty, validation=np.zeros(0, np.int64)), FitOptions())
    assert np.isfinite(component.score(new_users(data, "calm"), np.arange(24, dtype=np.int32)[None]).values).all()


def test_settings_are_checked() -> None:
    with pytest.raises(ValidationError):
        PopularitySettings(half_life_days=0)


def test_a_large_catalogue_is_searched_among_its_most_popular(data, popularity, monkeypatch) -> None:
    queries = new_users(data, "calm", "loud", "")
    dense = popularity.generate(queries, 6)
    monkeypatch.setattr(component_module, "DENSE_LIMIT", 0)
    found = popularity.generate(queries, 6)
    assert found.positions.tolist() == dense.positions.tolist()
    np.testing.assert_allclose(found.scores, dense.scores, atol=1e-6)

from dataclasses import replace

import numpy as np
import pytest

from firstlight.domain import Histories, ItemTable, Queries, ReasonCode
from firstlight.roles import FitOptions
from firstlight.runtime import BundleRuntime
from firstlight.testing import CALM_ITEMS, LOUD_ITEMS, UNSEEN_ITEMS, tiny_training_data
from firstlight_plugins.projection import Projection, ProjectionSettings, component as component_module

CALM, LOUD = UNSEEN_ITEMS


@pytest.fixture(scope="module")
def data():
    return tiny_training_data()


@pytest.fixture(scope="module", params=[5_000, 0], ids=["exact", "low rank"])
def fitted(request, data):
    component = Projection(ProjectionSettings(dense_items=request.param))
    return component, component.fit(data, FitOptions(seed=1))


def ask(data, rows, *, profile=None):
    """Queries with these histories, all liked; ``profile``: the users whose profiles they carry."""
    profiles = np.zeros((len(rows), data.profiles.shape[1]), np.float32)
    if profile is not None:
        profiles = data.profiles[profile]
    return Queries(profiles, Histories.from_rows(rows, [[5.0] * len(row) for row in rows]))


def test_new_items_are_ranked_by_taste(data, fitted) -> None:
    positions = np.tile(np.array(UNSEEN_ITEMS, np.int32), (2, 1))
    calm, loud = fitted[0].score(ask(data, [[0, 2, 4], [1, 3, 5]]), positions).values
    assert calm[0] > calm[1]
    assert loud[1] > loud[0]


def test_a_profile_alone_ranks_new_items(data, fitted) -> None:
    positions = np.tile(np.array(UNSEEN_ITEMS, np.int32), (2, 1))
    calm, loud = fitted[0].score(ask(data, [[], []], profile=[0, 1]), positions).values
    assert calm[0] > calm[1]
    assert loud[1] > loud[0]


def test_a_new_item_in_the_history_counts_by_its_content(data, fitted) -> None:
    positions = np.tile(np.arange(data.items.base_size, dtype=np.int32), (2, 1))
    calm, loud = fitted[0].score(ask(data, [[CALM], [LOUD]]), positions).values
    assert (calm - loud)[list(CALM_ITEMS)].min() > 0
    assert (loud - calm)[list(LOUD_ITEMS)].min() > 0


def test_scores_have_deviation_one_over_the_catalogue(data) -> None:
    component = Projection()
    component.fit(data, FitOptions())
    states = component.user_states(ask(data, [[0, 2], [1]]))
    met = component.embed_items(data.items.base_content[data.items.base_counts > 0])
    np.testing.assert_allclose((met @ states.T).std(axis=0), 1, atol=1e-3)


def test_first_likes_move_a_new_item_to_those_who_gave_them(data, fitted) -> None:
    component, _ = fitted
    content = np.zeros(data.items.base_content.shape[1], np.float32)
    content[:] = data.items.base_content[[CALM, LOUD]].mean(axis=0)
    calm, loud = component.user_states(ask(data, [[0, 2, 4], [1, 3, 5]]))
    before = component.embed_items(content[None])[0]
    after = component.fold_in_item(content, np.stack([loud] * 3), np.ones(3, np.float32))
    assert loud @ (after - before) > max(calm @ (after - before), 0)
    np.testing.assert_array_equal(component.fold_in_item(content, loud[None][:0], np.ones(0, np.float32)), before)


def test_nothing_is_known_of_an_item_without_content_and_interactions(data, fitted) -> None:
    items = ItemTable(data.items.base_content, data.items.base_counts)
    component = Projection(fitted[0].settings)
    component.fit(replace(data, items=items), FitOptions())
    (blank,) = items.append(np.zeros((1, data.items.base_content.shape[1]), np.float32))
    scores = component.score(ask(data, [[0]]), np.array([[blank, 0]], np.int32))
    assert scores.known.tolist() == [[False, True]]


def test_reasons(data, fitted) -> None:
    component, _ = fitted
    by_history, by_content = component.explain(ask(data, [[0, 1], []]), np.array([[4, 2], [4, 2]], np.int32))
    assert by_history[0].code == ReasonCode.SIMILAR_TO_HISTORY
    assert by_history[0].history_position == 0
    assert {reason.code for reason in by_content if reason} <= {ReasonCode.MATCHES_CONTENT}


def test_a_profile_column_is_the_last_reason(fitted) -> None:
    component, _ = fitted
    reason = component._feature((0, -1.0), (1, 2.0))
    assert reason.code == ReasonCode.MATCHES_PROFILE
    assert reason.attribute == component._profile_names[1]


def test_a_large_catalogue_is_searched_by_its_index(data, fitted, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(component_module, "DENSE_LIMIT", 0)
    component, _ = fitted
    component.export(tmp_path)
    loaded = Projection(component.settings)
    loaded.load(tmp_path, BundleRuntime(data.items, {}))
    asked = ask(data, [[0, 2], [1], []])
    dense, found = component.generate(asked, 5), loaded.generate(asked, 5)
    assert found.positions.tolist() == dense.positions.tolist()
    np.testing.assert_allclose(found.scores, dense.scores, atol=1e-5)

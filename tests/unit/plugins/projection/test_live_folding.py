from dataclasses import replace

import numpy as np
import pytest

from firstlight.domain import Histories, ItemTable, Queries
from firstlight.roles import FitOptions, FoldsInItems
from firstlight.runtime import BundleRuntime
from firstlight.testing import CALM_ITEMS, LOUD_ITEMS, tiny_training_data
from firstlight_plugins.projection import Projection
from firstlight_plugins.projection.typical import Typical

LIKED = np.ones(4, np.bool_)


@pytest.fixture(scope="module")
def data():
    return tiny_training_data()


@pytest.fixture(scope="module")
def exported(data, tmp_path_factory):
    component = Projection()
    component.fit(data, FitOptions(seed=1))
    path = tmp_path_factory.mktemp("projection")
    component.export(path)
    return component, path


@pytest.fixture
def live(data, exported):
    """A loaded component, and the position of a live item without content."""
    items = ItemTable(data.items.base_content, data.items.base_counts)
    component = Projection()
    component.load(exported[1], BundleRuntime(items, {}))
    (position,) = items.append(np.zeros((1, data.items.base_content.shape[1]), np.float32))
    return component, int(position), items


def ask(data, rows, *, users=None):
    profiles = np.zeros((len(rows), data.profiles.shape[1]), np.float32) if users is None else data.profiles[users]
    return Queries(profiles, Histories.from_rows(rows, [[5.0] * len(row) for row in rows]))


def likers(data, component, items):
    """The first four users of the taste that ``items`` are of, as they are stored."""
    users = np.arange(items[0], 8, 2)
    return component.user_leanings(Queries(data.profiles[users], data.dataset.histories.take(users)))


def score(component, data, position):
    """Of a calm and of a loud user without history."""
    return component.score(ask(data, [[], []], users=[0, 1]), np.full((2, 1), position, np.int32)).values[:, 0]


def test_it_is_asked_by_the_engine(live):
    assert isinstance(live[0], FoldsInItems)


@pytest.mark.parametrize(("items", "fan", "other"), [(CALM_ITEMS, 0, 1), (LOUD_ITEMS, 1, 0)])
def test_likes_move_an_item_to_users_of_that_taste_and_not_to_others(data, live, items, fan, other):
    component, position, _ = live
    component.move_item(position, likers(data, component, items), LIKED)
    moved = score(component, data, position)
    assert moved[fan] > 0.5
    assert moved[other] <= 0


def test_for_strangers_on_the_whole_an_item_stays_where_its_content_placed_it(data, live):
    component, position, _ = live
    component.move_item(position, likers(data, component, CALM_ITEMS), LIKED)
    strangers = ask(data, [[]] * len(data.training), users=data.training)
    values = component.score(strangers, np.full((len(data.training), 1), position, np.int32)).values
    assert values.max() > 0.5
    assert abs(values.mean()) < 1e-3


def test_an_unknown_item_is_known_once_it_has_met_somebody_and_forgotten_without(data, live):
    component, position, _ = live
    asked, at = ask(data, [[0]]), np.array([[position, 0, -1]], np.int32)
    assert component.score(asked, at).known.tolist() == [[False, True, False]]
    component.move_item(position, likers(data, component, CALM_ITEMS), LIKED)
    assert component.score(asked, at).known.tolist() == [[True, True, False]]
    assert position in component.generate(asked, 30).positions
    component.move_item(position, np.zeros((0, 0), np.float32), LIKED[:0])
    assert component.score(asked, at).known.tolist() == [[False, True, False]]


def test_other_items_and_what_an_item_adds_to_a_history_stay(data, live):
    component, position, items = live
    items.append(data.items.base_content[:1])
    others = np.array([[*range(position), position + 1]] * 2, np.int32)
    asked = ask(data, [[0, position + 1], [position]])
    before = component.score(asked, others).values
    component.move_item(position + 1, likers(data, component, LOUD_ITEMS), LIKED)
    after = component.score(asked, others).values
    np.testing.assert_array_equal(after[:, :-1], before[:, :-1])
    assert (after[:, -1] != before[:, -1]).all()


def test_items_that_come_later_leave_a_moved_one_where_it_is(data, live):
    component, position, items = live
    component.move_item(position, likers(data, component, CALM_ITEMS), LIKED)
    before = score(component, data, position)
    items.append(data.items.base_content[:3])
    np.testing.assert_array_equal(score(component, data, position), before)


def test_leanings_are_the_same_after_loading_and_none_in_mean(data, exported, live):
    whole = Queries(data.profiles[data.training], data.dataset.histories.take(data.training))
    found = exported[0].user_leanings(whole)
    np.testing.assert_allclose(live[0].user_leanings(whole), found, atol=1e-5)
    assert np.abs(found.mean(axis=0)).max() < 0.05 * np.abs(exported[0].user_states(whole)).max()
    empty = replace(whole, histories=Histories.empty(len(whole)))
    assert np.abs(exported[0].user_leanings(empty).mean(axis=0)).max() < 1e-4


def test_a_bundle_without_typical_users_moves_nothing(data, exported, tmp_path):
    for file in exported[1].iterdir():
        if file.stem not in Typical.ARRAYS:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    items = ItemTable(data.items.base_content, data.items.base_counts)
    component = Projection()
    component.load(tmp_path, BundleRuntime(items, {}))
    (position,) = items.append(data.items.base_content[:1])
    before = score(component, data, position)
    component.move_item(int(position), likers(data, component, LOUD_ITEMS), LIKED)
    np.testing.assert_array_equal(score(component, data, position), before)


def test_typical_states_between_two_amounts():
    typical = Typical(np.array([0, 3], np.float32), np.array([[0, 2], [4, 0]], np.float32))
    np.testing.assert_allclose(typical.at(np.array([0, 1, 3, 99])), [[0, 2], [2, 1], [4, 0], [4, 0]], atol=1e-6)

"""The contract of the role, and what a bandit is for."""

from typing import ClassVar

import numpy as np
import pytest
from firstlight_bandit import Bandit, BanditSettings

from firstlight import FitOptions, Histories, HistoryEntry, ItemTable, Queries, Query
from firstlight.testing import CandidateGeneratorContract, tiny_training_data

LACKS = {
    "item_vectors": "it believes something about each item alone",
    "onnx": "there is no network in it",
}


class TestBandit(CandidateGeneratorContract):
    component = Bandit
    lacks: ClassVar = LACKS


class TestBanditByAge(CandidateGeneratorContract):
    component = staticmethod(lambda: Bandit(BanditSettings(segment_by="age", pool=10)))
    lacks: ClassVar = LACKS


@pytest.fixture(scope="module")
def data():
    return tiny_training_data()


def fitted(data, **settings) -> Bandit:
    bandit = Bandit(BanditSettings(**{"segment_by": "taste"} | settings))
    bandit.fit(data, FitOptions(seed=1))
    return bandit


def asked(data, taste: str, times: int) -> Queries:
    """``times`` users of one taste, who differ in what they have done."""
    profile = np.zeros((1, data.profiles.shape[1]), np.float32)
    profile[0, data.profile_names.index(f"taste={taste}")] = 1
    histories = Histories.from_rows([[n % 22] * (1 + n // 22) for n in range(times)])
    return Queries(np.repeat(profile, times, axis=0), histories)


@pytest.mark.parametrize(("taste", "own"), [("calm", 0), ("loud", 1)])
def test_a_segment_gets_what_it_likes_and_now_and_then_something_untried(data, taste, own):
    found = fitted(data).generate(asked(data, taste, 200), 5).positions
    untried = np.isin(found, (22, 23))
    assert (found[~untried] % 2 == own).mean() > 0.95
    assert 0.02 < untried.mean() < 0.5


def test_fewer_trials_of_new_items_let_them_be_tried_more_often(data):
    def share(trials: float) -> float:
        found = fitted(data, new_trials=trials).generate(asked(data, "calm", 200), 5)
        return float(np.isin(found.positions, (22, 23)).mean())

    assert share(3) > share(50)


def test_another_history_is_another_draw(data):
    bandit, queries = fitted(data), asked(data, "calm", 2)
    first, second = bandit.generate(queries, 10).scores
    assert not np.array_equal(first, second)


def test_an_item_added_while_serving_is_tried(data):
    bandit = fitted(data)
    items = ItemTable(data.items.base_content, data.items.base_counts)
    live = items.append(data.items.base_content[:1])
    bandit._items = items
    found = bandit.generate(asked(data, "calm", 200), 5).positions
    assert 0.01 < (found == live).any(axis=1).mean() < 0.9


def test_it_takes_part_in_recommendations(firstlight_engine, firstlight_catalogue):
    engine = firstlight_engine("firstlight_bandit", settings={"plugins": {"bandit": {"segment_by": "taste"}}})
    assert "bandit" in engine.plugins.registrations
    assert "bandit.segments" in engine.result.metrics
    answer = engine.recommend(Query(profile={"taste": "calm"}, history=(HistoryEntry("item-00", 5.0),), limit=5))
    assert not [note for note in answer.degraded if note.component]
    assert firstlight_catalogue.share("calm", [item.item_id for item in answer.items]) >= 0.6

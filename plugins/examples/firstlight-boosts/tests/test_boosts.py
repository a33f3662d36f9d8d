"""The contract of the role, and what each rule does."""

import numpy as np
import pytest
from firstlight_boosts import Boosts, BoostsSettings, Rule
from pydantic import ValidationError

from firstlight import Histories, ItemTable, Queries, Query
from firstlight.testing import RerankerContract

RULES = [
    {"where": "genres=calm", "boost": 3},
    {"where": "genres=new", "bury": True},
    {"where": "genres=loud", "cap": 2},
]


class TestBoosts(RerankerContract):
    component = staticmethod(lambda: Boosts(BoostsSettings.model_validate({"rules": RULES})))


class TestNoRules(RerankerContract):
    component = Boosts


def moved(*rules: dict, sale: list[int]) -> list[int]:
    """Ten items, of which those of ``sale`` are on sale, and two places of padding, as the rules order them."""
    content = np.isin(np.arange(10), sale)[:, None].astype(np.float32)
    boosts = Boosts(BoostsSettings(rules=tuple(Rule.model_validate({"where": "shelf=sale"} | rule) for rule in rules)))
    boosts.use_items(ItemTable(content, np.ones(10, np.int32)), ("shelf=sale",))
    positions = np.array([[*range(10), -1, -1]], np.int32)
    values = np.where(positions >= 0, -positions, -np.inf).astype(np.float32)
    order = boosts.rerank(Queries(np.zeros((1, 0), np.float32), Histories.empty(1)), positions, values)
    found = positions[0, order[0]].tolist()
    assert found[10:] == [-1, -1]
    return found[:10]


def test_a_boost_is_so_many_places_up():
    assert moved({"boost": 3}, sale=[5, 9]) == [0, 1, 5, 2, 3, 4, 9, 6, 7, 8]


def test_a_negative_boost_is_so_many_places_down():
    assert moved({"boost": -2}, sale=[1]) == [0, 2, 3, 1, 4, 5, 6, 7, 8, 9]


def test_what_is_buried_comes_last_in_its_order():
    assert moved({"bury": True}, sale=[0, 3]) == [1, 2, 4, 5, 6, 7, 8, 9, 0, 3]


def test_a_cap_lets_so_many_near_the_top():
    assert moved({"cap": 1, "within": 4}, sale=[0, 1, 2, 8]) == [0, 3, 4, 5, 1, 2, 6, 7, 8, 9]


def test_rules_apply_one_after_the_other():
    assert moved({"boost": 9}, {"cap": 1, "within": 3}, sale=[8, 9]) == [8, 0, 1, 9, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("rule", [{}, {"boost": 1, "bury": True}, {"cap": -1}, {"lift": 3}])
def test_a_rule_has_one_effect(rule):
    with pytest.raises(ValidationError):
        Rule.model_validate({"where": "shelf=sale"} | rule)


def test_a_rule_about_an_unknown_attribute_moves_nothing_and_says_so(caplog):
    boosts = Boosts(BoostsSettings(rules=(Rule(where="shelf=none", bury=True),)))
    boosts.use_items(ItemTable(np.ones((3, 1), np.float32), np.ones(3, np.int32)), ("shelf=sale",))
    queries = Queries(np.zeros((1, 0), np.float32), Histories.empty(1))
    order = boosts.rerank(queries, np.array([[0, 1, 2]], np.int32), np.zeros((1, 3), np.float32))
    assert order.tolist() == [[0, 1, 2]]
    assert "shelf=none" in caplog.text


def test_it_takes_part_in_recommendations(firstlight_engine, firstlight_catalogue):
    rules = [{"where": "genres=calm", "bury": True}]
    engine = firstlight_engine("firstlight_boosts", settings={"plugins": {"boosts": {"rules": rules}}})
    answer = engine.recommend(Query(profile={"taste": "calm"}, limit=5))
    assert not [note for note in answer.degraded if note.component]
    assert firstlight_catalogue.share("loud", [item.item_id for item in answer.items]) == 1

"""Rerankers and filters that want to know what the items are, are told."""

import sys
from types import ModuleType

import numpy as np
import pytest

from firstlight.domain import Item, Query
from firstlight.hookspecs import hookimpl
from firstlight.pipeline import DegradationReason


class CalmOnly:
    def use_items(self, items, content_names):
        self._items, self._column = items, content_names.index("genres=calm")

    def allow(self, queries, positions):
        return self._items.content(positions)[..., self._column] > 0


class Confused:
    def use_items(self, items, content_names):
        self._column = content_names.index("genres=jazz")

    def rerank(self, queries, positions, values):
        return np.tile(np.arange(positions.shape[1]), (len(positions), 1))


@pytest.fixture
def plugin(monkeypatch):
    def plugin(name, role, component):
        @hookimpl
        def register_it(register):
            register(name, component)

        module = ModuleType(f"stranger_{name}")
        setattr(module, f"firstlight_register_{role}", register_it)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return module

    return plugin


QUICK = ("factors", "sequence", "neighbours")


def test_a_filter_knows_the_items_those_added_while_serving_too(firstlight_engine, firstlight_catalogue, plugin):
    running = firstlight_engine(plugin("calm", "candidate_filter", CalmOnly), without=QUICK)
    engine = running.recommender.load("default")
    engine.add_items([Item("new-calm", {"genres": ("calm",)}), Item("new-loud", {"genres": ("loud",)})])
    (answer,) = engine.recommend([Query(limit=24)])
    assert {item.item_id for item in answer.items} == firstlight_catalogue.calm | {"new-calm"}


def test_one_that_cannot_use_them_is_left_out_and_named(firstlight_engine, plugin):
    engine = firstlight_engine(plugin("confused", "reranker", Confused), without=QUICK)
    answer = engine.recommend(Query(limit=3))
    assert len(answer.items) == 3
    assert [(n.component, n.reason) for n in answer.degraded] == [("confused", DegradationReason.COMPONENT_ABSENT)]

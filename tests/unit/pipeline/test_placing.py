"""Stored histories are looked up once, until something they hold may have got a position."""

import numpy as np
import pytest

from firstlight.bundle import IdTable
from firstlight.domain import HistoryEntry, ItemTable
from firstlight.pipeline.catalogue import Catalogue
from firstlight.pipeline.placing import UserState, histories

HISTORY = (HistoryEntry("b", 5.0, "click", 7), HistoryEntry("new"), HistoryEntry("a", 1.0, "nonsense"))
TYPES = {"view": 0, "click": 1}


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(IdTable.of(["a", "b"]), ItemTable(np.zeros((2, 1), np.float32), np.ones(2, np.int32)))


def test_it_is_looked_up_once(catalogue, monkeypatch):
    state = UserState(history=HISTORY)
    placed = state.placed(catalogue, TYPES)
    assert placed.items.tolist() == [1, -1, 0]
    np.testing.assert_array_equal(placed.values, np.array([5.0, np.nan, 1.0], np.float32))
    assert placed.types.tolist() == [1, 0, 0]
    assert placed.times.tolist() == [7, 0, 0]
    monkeypatch.setattr(catalogue, "position_of", lambda ids: pytest.fail("it was looked up again"))
    assert state.placed(catalogue, TYPES) is placed


def test_it_is_looked_up_again_when_items_are_added(catalogue):
    state = UserState(history=HISTORY)
    state.placed(catalogue, TYPES)
    catalogue.put(["new"], np.ones((1, 1), np.float32))
    assert state.placed(catalogue, TYPES).items.tolist() == [1, 2, 0]


def test_another_bundle_has_other_positions(catalogue):
    state = UserState(history=HISTORY)
    state.placed(catalogue, TYPES)
    other = Catalogue(IdTable.of(["b", "c"]), ItemTable(np.zeros((2, 1), np.float32), np.ones(2, np.int32)))
    assert state.placed(other, TYPES).items.tolist() == [0, -1, -1]


def test_the_newest_known_ones_are_used(catalogue):
    placed = UserState(history=HISTORY).placed(catalogue, TYPES)
    assert placed.known(3).items.tolist() == [1, 0]
    assert placed.known(2).items.tolist() == [0]  # what is unknown counts among the newest, too
    both = histories([placed.known(3), UserState().placed(catalogue, TYPES), placed.known(1)])
    assert both.offsets.tolist() == [0, 2, 2, 3]
    assert both.items.tolist() == [1, 0, 0]
    assert both.items.dtype == np.int32

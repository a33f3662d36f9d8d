"""The fixtures that every pytest run with firstlight installed has."""

import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest

from firstlight.domain import HistoryEntry, Query
from firstlight.errors import NotFoundError
from firstlight.hookspecs import hookimpl
from firstlight.testing import CALM_ITEMS, TinyCatalogue


class FavouritesFirst:
    """Puts one item first, wherever the ranker put it."""

    def rerank(self, queries, positions, values):
        return np.argsort(positions != 3, axis=1, kind="stable").astype(np.int64)


@pytest.fixture
def favourites(monkeypatch) -> ModuleType:
    @hookimpl
    def firstlight_register_reranker(register):
        register("favourites", FavouritesFirst)

    module = ModuleType("stranger_favourites")
    module.firstlight_register_reranker = firstlight_register_reranker
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_the_catalogue_says_what_is_right(firstlight_catalogue: TinyCatalogue):
    assert firstlight_catalogue.calm == {f"item-{n:02}" for n in CALM_ITEMS}
    assert firstlight_catalogue.unseen == {"item-22", "item-23"}
    assert firstlight_catalogue.share("loud", ["item-01", "item-03", "item-02"]) == pytest.approx(2 / 3)


@pytest.mark.parametrize("taste", ["calm", "loud"])
def test_an_engine_answers_rightly(firstlight_engine, firstlight_catalogue, taste):
    engine = firstlight_engine()
    assert engine.result.activated
    by_profile = engine.recommend(Query(profile={"taste": taste}, limit=5))
    clicked = "item-00" if taste == "calm" else "item-01"
    by_history = engine.recommend(Query(history=(HistoryEntry(clicked, 5.0),), limit=5))
    for answer in (by_profile, by_history):
        assert firstlight_catalogue.share(taste, [item.item_id for item in answer.items]) >= 0.8


def test_an_engine_of_its_own_plugins_and_settings(firstlight_engine, favourites):
    engine = firstlight_engine(favourites, settings={"plugins": {"popularity": {"half_life_days": 30.0}}})
    assert engine.recommend().items[0].item_id == "item-03"
    assert engine.settings.plugins["popularity"] == {"half_life_days": 30.0}


def test_what_one_test_changes_another_does_not_see(firstlight_engine):
    first, second = firstlight_engine(), firstlight_engine()
    assert first.result == second.result
    first.store.delete_items("default", ["item-00"])
    first.recommender.follow()
    with pytest.raises(NotFoundError):
        first.recommender.similar_items("default", "item-00")
    assert second.recommender.similar_items("default", "item-00").items


def test_a_server_and_its_client(firstlight_server, firstlight_catalogue, favourites):
    server = firstlight_server("stranger_favourites")
    assert server.client.health() == "SERVING"
    answer = server.client.recommend(profile={"taste": "calm"}, limit=5)
    assert answer.items[0].item_id == "item-03"
    assert firstlight_catalogue.share("calm", [item.item_id for item in answer.items]) >= 0.6
    assert "stranger_favourites" in {plugin.name for plugin in server.client.list_plugins()}


def test_a_server_that_cannot_start_says_so(firstlight_engine, monkeypatch):
    from firstlight.testing import running

    monkeypatch.setattr(running, "App", None)
    with pytest.raises(RuntimeError, match="did not start"), running.serving(firstlight_engine()):
        pass


def test_the_plugin_itself_imports_no_engine():
    code = (
        "import sys, firstlight.testing.pytest_plugin; "
        "print([m for m in ('numpy', 'grpc', 'pydantic', 'torch', 'onnxruntime') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

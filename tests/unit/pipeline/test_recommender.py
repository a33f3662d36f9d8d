"""Many catalogues, one store: completion, following, activation, rollback."""

import logging
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

from firstlight.bundle import Bundle
from firstlight.domain import HistoryEntry, Interaction, Item, Query, Scenario, User
from firstlight.errors import CorruptBundleError, InvalidInputError, NotFoundError, PreconditionError, Reason
from firstlight.pipeline import DegradationReason, Engine, Meter, Recommendation, Recommender
from firstlight.plugins import Plugins
from firstlight.settings import Settings, init_home
from firstlight.store import BundleRecord, Store, open_store


def ids(answer: Recommendation) -> list[str]:
    return [item.item_id for item in answer.items]


class Home:
    """A home with one filled catalogue and bundles to activate."""

    def __init__(self, path: Path, template: Path, plugins: Plugins, write: Callable[..., Path]) -> None:
        path.mkdir()
        shutil.copy(template, path / "firstlight.db")
        self.path, self.plugins, self._write = path, plugins, write
        self.settings: Settings = init_home(path)
        self.store: Store = open_store(self.settings)

    def bundle(self, bundle_id: str, catalog_id: str = "default", **given: Any) -> Path:
        """Write and register a bundle of what is stored now."""
        token = self.store.last_token()
        path = self._write(self.path / "bundles", bundle_id, catalog_id=catalog_id, dataset_token=token, **given)
        schema = Bundle.open(path).manifest.schema
        created = datetime.now(UTC)
        place = str(path.relative_to(self.settings.bundles))
        self.store.register_bundle(BundleRecord(catalog_id, bundle_id, place, created, "small", 0, token, schema))
        return path

    def activate(self, bundle_id: str, catalog_id: str = "default", **given: Any) -> Path:
        path = self.bundle(bundle_id, catalog_id, **given)
        self.store.activate_bundle(catalog_id, bundle_id)
        return path

    def recommender(self, meter: Meter | None = None) -> Recommender:
        return Recommender(self.store, self.settings, self.plugins, meter=meter)


@pytest.fixture
def home(tmp_path: Path, filled_store: Path, plugins: Plugins, write: Callable[..., Path]) -> Iterator[Home]:
    home = Home(tmp_path / "home", filled_store, plugins, write)
    yield home
    home.store.close()


def one(recommender: Recommender, query: Query, catalog_id: str = "default", **given: Any) -> Recommendation:
    return recommender.recommend(catalog_id, [query], **given)[0]


# ---------------------------------------------------------------- answering


def test_without_an_active_bundle_the_answer_is_a_clear_error(home: Home):
    recommender = home.recommender()
    for catalog_id in ("default", "never-heard-of"):
        with pytest.raises(PreconditionError) as caught:
            one(recommender, Query(), catalog_id)
        assert caught.value.reason is Reason.NO_ACTIVE_BUNDLE
    home.activate("b1")
    assert one(recommender, Query()).bundle_id == "b1", "and it is no longer one after an activation"


def test_a_stored_user_is_completed_and_an_unknown_one_is_new(home: Home):
    home.activate("b1")
    known, unknown = home.recommender().recommend("default", [Query(user_id="user-01"), Query(user_id="stranger")])
    assert known.scenario is Scenario.FEW_SHOT
    rated = {i.item_id for i in home.store.list_interactions("default", "user-01")}
    assert len(rated) == 10
    assert not rated & set(ids(known))
    assert unknown.scenario is Scenario.NEW_USER
    assert not unknown.degraded


def test_inline_history_comes_after_the_stored_one(home: Home):
    home.activate("b1")
    found = one(home.recommender(), Query(user_id="user-01", history=(HistoryEntry("item-19", 5.0),)))
    assert found.scenario is Scenario.WARM
    assert "item-19" not in ids(found)


def test_batch_equals_single(home: Home):
    home.activate("b1")
    recommender = home.recommender()
    queries = [Query(user_id=f"user-{n:02d}", limit=n + 1) for n in range(20)]
    for query, found in zip(queries, recommender.recommend("default", queries), strict=True):
        alone = one(home.recommender(), query)
        assert ids(alone) == ids(found)
        assert [i.score for i in alone.items] == pytest.approx([i.score for i in found.items], abs=1e-5)


def test_without_waiting_a_user_who_is_not_in_memory_is_answered_from_the_query(home: Home):
    home.activate("b1")
    recommender = home.recommender()
    query = Query(user_id="user-01")
    assert recommender.missing_users("default", [query, query, Query()]) == ["user-01"]
    found = one(recommender, query, cached_only=True)
    assert [n.reason for n in found.degraded] == [DegradationReason.USER_STATE_UNAVAILABLE]
    recommender.load_users("default", ["user-01"])
    assert recommender.missing_users("default", [query]) == []
    assert not one(recommender, query, cached_only=True).degraded


def test_more_stored_history_than_is_used_is_said(home: Home):
    home.activate("b1")
    home.store.write_interactions(
        "default", [Interaction("busy", f"item-{n % 30:02d}", 3.0, time_us=n) for n in range(1001)]
    )
    found = one(home.recommender(), Query(user_id="busy"))
    assert [n.reason for n in found.degraded] == [DegradationReason.HISTORY_TRUNCATED, DegradationReason.LIST_SHORT]


def test_catalogues_are_apart(home: Home):
    home.activate("b1")
    home.store.upsert_items("other", [Item("item-00"), Item("only-here")])
    home.activate("b1", "other")
    recommender = home.recommender()
    recommender.load("default")
    home.store.upsert_items("other", [Item("new-here")])
    recommender.follow()
    assert "new-here" not in ids(one(recommender, Query(limit=1000)))
    assert "new-here" in ids(one(recommender, Query(limit=1000), "other"))
    assert recommender.is_loaded("other")
    assert not recommender.is_loaded("third")


# ---------------------------------------------------------------- following


def test_own_writes_are_read_where_their_token_is_given(home: Home):
    home.activate("b1")
    recommender = home.recommender()
    assert one(recommender, Query(user_id="user-01")).scenario is Scenario.FEW_SHOT
    token = home.store.write_interactions("default", [Interaction("user-01", "item-19", 5.0)]).write_token
    assert one(recommender, Query(user_id="user-01")).scenario is Scenario.FEW_SHOT
    found = one(recommender, Query(user_id="user-01"), min_write_token=token)
    assert found.scenario is Scenario.WARM
    assert "item-19" not in ids(found)
    assert recommender.token == token


def test_a_token_of_no_write_is_refused(home: Home):
    home.activate("b1")
    with pytest.raises(InvalidInputError) as caught:
        one(home.recommender(), Query(), min_write_token=10**12)
    assert caught.value.violations[0].field == "min_write_token"


def test_a_changed_or_deleted_user_is_read_again(home: Home):
    home.activate("b1")
    recommender = home.recommender()
    gamer = ids(one(recommender, Query(user_id="fresh", profile={"camp": "gamer"})))
    assert ids(one(recommender, Query(user_id="fresh"))) != gamer
    home.store.upsert_users("default", [User("fresh", {"camp": "gamer"})])
    recommender.follow()
    assert ids(one(recommender, Query(user_id="fresh"))) == gamer
    home.store.delete_users("default", ["fresh"])
    recommender.follow()
    assert ids(one(recommender, Query(user_id="fresh"))) != gamer


def test_items_come_change_and_go(home: Home):
    home.activate("b1")
    recommender = home.recommender()
    everything = Query(limit=1000)
    before = ids(one(recommender, everything))
    home.store.upsert_items("default", [Item("fresh", {"shelf": "games"})])
    recommender.follow()
    assert set(ids(one(recommender, everything))) == {*before, "fresh"}
    home.store.delete_items("default", ["fresh", "item-01"])
    recommender.follow()
    assert set(ids(one(recommender, everything))) == set(before) - {"item-01"}
    with pytest.raises(NotFoundError):
        recommender.similar_items("default", "fresh")
    token = home.store.upsert_items("default", [Item("item-01", {"shelf": "books"})])
    assert set(ids(one(recommender, everything, min_write_token=token))) == set(before)


def test_what_happened_after_the_data_were_read_is_applied_when_a_bundle_is_loaded(home: Home):
    home.bundle("b1")
    home.store.upsert_items("default", [Item("fresh", {"shelf": "games"}), Item("gone", {})])
    home.store.delete_items("default", ["item-01", "item-02", "gone"])
    home.store.upsert_items("default", [Item("item-02", {"shelf": "books"})])
    home.store.activate_bundle("default", "b1")
    shown = set(ids(one(home.recommender(), Query(limit=1000))))
    assert {"fresh", "item-02"} <= shown
    assert not {"gone", "item-01"} & shown


def test_more_changes_than_a_page_are_all_applied(home: Home, monkeypatch):
    monkeypatch.setattr("firstlight.pipeline.recommender._PAGE", 3)
    home.activate("b1")
    recommender = home.recommender()
    recommender.load("default")
    home.store.upsert_items("default", [Item(f"x{n}") for n in range(10)])
    assert recommender.follow() == home.store.last_token()
    assert {f"x{n}" for n in range(10)} <= set(ids(one(recommender, Query(limit=1000))))


# ---------------------------------------------------------------- activation


def test_an_activated_bundle_takes_over_and_a_rollback_brings_the_old_one_back(home: Home, hooked):
    activated: list[str] = []

    def note(bundle_id: str) -> None:
        activated.append(bundle_id)

    hooked(firstlight_bundle_activated=note)
    home.activate("b1")
    recommender = home.recommender()
    assert one(recommender, Query()).bundle_id == "b1"
    old = recommender.load("default")
    home.activate("b2")
    assert one(recommender, Query()).bundle_id == "b1", "until changes are followed"
    recommender.follow()
    assert one(recommender, Query()).bundle_id == "b2"
    assert recommender.active_bundle("default") == "b2"
    home.store.upsert_items("default", [Item("fresh", {"shelf": "games"})])
    recommender.follow()
    home.store.rollback_bundle("default")
    recommender.follow()
    assert recommender.load("default") is old, "kept for this"
    found = one(recommender, Query(limit=1000))
    assert found.bundle_id == "b1"
    assert "fresh" in ids(found), "and kept up to date meanwhile"
    assert activated == ["b1", "b2", "b1"]


def damage(path: Path) -> None:
    file = path / "items/content.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def test_a_damaged_bundle_is_refused_and_the_old_one_goes_on(home: Home, caplog):
    home.activate("b1")
    recommender = home.recommender()
    recommender.load("default")
    damage(home.bundle("b2"))
    home.store.activate_bundle("default", "b2")
    with caplog.at_level(logging.ERROR):
        recommender.follow()
    assert one(recommender, Query()).bundle_id == "b1"
    assert "b2 is refused" in caplog.text


def test_where_the_active_bundle_is_damaged_the_last_good_one_answers(home: Home, caplog):
    home.activate("b1")
    home.activate("b2")
    for bundle_id in ("b3", "b4"):
        damage(home.activate(bundle_id))
    meter = create_autospec(Meter, instance=True)
    recommender = home.recommender(meter)
    home.store.upsert_items("default", [Item("fresh", {"shelf": "games"})])
    with caplog.at_level(logging.ERROR):
        found = one(recommender, Query(limit=1000))
    assert found.bundle_id == "b2"
    assert "fresh" in ids(found)
    assert re.search(r"b4 is refused: .*content\.npy has changed", caplog.text)
    assert "bundle b2 answers in the place of b4" in caplog.text
    assert [call.args for call in meter.refused.call_args_list] == [("default", "b4"), ("default", "b3")]
    home.activate("b5")
    recommender.follow()
    assert one(recommender, Query()).bundle_id == "b5"


def test_damaged_bundles_alone_are_an_error_that_names_the_active_one(home: Home):
    damage(home.activate("b1"))
    damage(home.activate("b2"))
    with pytest.raises(CorruptBundleError, match=r"bundle b2: items/content\.npy"):
        one(home.recommender(), Query())


def test_a_bundle_that_fails_its_golden_queries_answers_only_where_there_is_no_other(home: Home, monkeypatch, caplog):
    home.activate("b1")

    def ask(engine: Engine, path: Path, plugins: Plugins) -> None:
        if path.name == "b1":
            raise CorruptBundleError("b1 answers otherwise")

    monkeypatch.setattr("firstlight.pipeline.recommender.ask_golden", ask)
    assert one(home.recommender(), Query()).bundle_id == "b1"
    assert "bundle b1 answers all the same" in caplog.text
    home.activate("b2")
    assert one(home.recommender(), Query()).bundle_id == "b2"
    home.store.rollback_bundle("default")
    home.activate("b3")
    home.store.rollback_bundle("default")
    assert one(home.recommender(), Query()).bundle_id == "b1"


def test_what_was_checked_before_its_activation_is_loaded_once_and_rehearsed_once(home: Home, monkeypatch):
    home.activate("b1")
    recommender = home.recommender()
    recommender.load("default")
    path = home.bundle("b2")
    rehearsed, opened = [], []
    real = Engine.open

    def note(path: Path, *given: Any, **named: Any) -> Engine:
        opened.append(path.name)
        return real(path, *given, **named)

    monkeypatch.setattr("firstlight.pipeline.checking.rehearse", lambda engine, path, _: rehearsed.append(path.name))
    monkeypatch.setattr(Engine, "open", note)
    recommender.check(home.store.get_bundle("default", "b2"))
    assert recommender.active_bundle("default") == "b1"
    assert rehearsed == opened == ["b2"]
    home.store.activate_bundle("default", "b2")
    recommender.follow()
    assert recommender.active_bundle("default") == "b2"
    assert rehearsed == ["b2"]
    assert opened == ["b2", "b2"], "to rehearse, and to answer"
    (path / "items/content.npy").unlink()
    with pytest.raises(CorruptBundleError, match=r"content\.npy is missing"):
        recommender.check(home.store.get_bundle("default", "b2"))


def test_activations_of_a_catalogue_nobody_asked_for_load_nothing(home: Home):
    recommender = home.recommender()
    home.activate("b1")
    recommender.follow()
    assert recommender.active_bundle("default") is None


def test_similar_items_of_a_live_item(home: Home):
    home.activate("b1")
    recommender = home.recommender()
    token = home.store.upsert_items("default", [Item("fresh", {"shelf": "books", "year": 1993})])
    found = recommender.similar_items("default", "fresh", limit=3, min_write_token=token)
    assert ids(found)[0] in {"item-03", "item-13"}
    assert found.scenario is Scenario.NEW_ITEM


def test_a_home_may_be_moved(home: Home, tmp_path: Path, plugins: Plugins) -> None:
    home.activate("b1")
    before = ids(home.recommender().recommend("default", [Query(limit=3)])[0])
    home.store.close()
    moved = home.path.rename(tmp_path / "elsewhere")
    settings = Settings.load(moved)
    home.store = open_store(settings)
    assert ids(Recommender(home.store, settings, plugins).recommend("default", [Query(limit=3)])[0]) == before


# ---------------------------------------------------------------- counting


def test_a_meter_is_told_of_answers_users_and_bundles(home: Home):
    home.activate("b1")
    meter = create_autospec(Meter, instance=True)
    recommender = home.recommender(meter)
    queries = [Query(user_id="user-01"), Query()]
    answers = recommender.recommend("default", queries)
    meter.asked_users.assert_called_once_with(queries)
    meter.read_users.assert_called_once_with(1)
    meter.answered.assert_called_once_with(answers)
    similar = recommender.similar_items("default", "item-01")
    meter.answered.assert_called_with([similar])
    home.activate("b2")
    recommender.follow()
    made = {bundle_id: home.store.get_bundle("default", bundle_id).created_at for bundle_id in ("b1", "b2")}
    told = [call.args for call in meter.activated.call_args_list]
    assert told == [("default", bundle_id, made[bundle_id]) for bundle_id in ("b1", "b2")]

"""The early interactions of live items are used as they come, and the same after a restart."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstlight.domain import Dataset, Histories, HistoryEntry, Interaction, Item, ItemTable, Queries, Query, User
from firstlight.features import FeatureEncoders, training_data
from firstlight.pipeline import Engine, Recommender, UserState
from firstlight.pipeline.early import MOST_ITEMS, MOST_USERS, Early, Meeting
from firstlight.pipeline.model import attempt_quietly
from firstlight.plugins import Plugins
from firstlight.roles import FitOptions
from firstlight.settings import Settings, init_home
from firstlight.store import BundleRecord, Store, open_store
from firstlight_plugins.fusion import Fusion
from firstlight_plugins.fusion.parameters import Parameters

GAMER, READER = {"camp": "gamer"}, {"camp": "reader"}
NOTHING = np.zeros(0, np.int32)


@pytest.fixture(scope="module")
def write_projection(dataset: Dataset, plugins: Plugins, write: Callable[..., Path]) -> Callable[..., Path]:
    """Writes a bundle in which projection alone ranks."""
    encoders = FeatureEncoders.fit(dataset)
    data = training_data(dataset, encoders, validation=np.arange(0, len(dataset.user_ids), 6))
    components = {name: plugins.registrations[name].create() for name in ("popularity", "projection")}
    for component in components.values():
        component.fit(data, FitOptions())
    ranker = Fusion()
    ranker.parameters = Parameters.prior_alone(("projection",))
    return partial(write, items=data.items, encoders=encoders, components=components, ranker=ranker)


@pytest.fixture(scope="module")
def projection_path(tmp_path_factory: pytest.TempPathFactory, write_projection: Callable[..., Path]) -> Path:
    return write_projection(tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def engine(projection_path: Path, plugins: Plugins) -> Engine:
    return Engine.open(projection_path, plugins, verify=False)


def scores(asked: Engine | Recommender, profile: dict[str, str]) -> dict[str, float]:
    """Of all items, for a stranger with ``profile``."""
    query = Query(profile=profile, limit=1000)
    answer = (asked.recommend([query]) if isinstance(asked, Engine) else asked.recommend("default", [query]))[0]
    assert not answer.degraded or [note.reason.name for note in answer.degraded] == ["LIST_SHORT"]
    return {item.item_id: item.score for item in answer.items}


def rank(asked: Engine | Recommender, profile: dict[str, str], item_id: str = "fresh") -> int:
    return list(scores(asked, profile)).index(item_id)


def gamers(count: int) -> dict[str, UserState]:
    """Users who like games."""
    liked = [(20, 21, 22), (23, 24, 25), (26, 27, 28), (29, 30, 31), (32, 33, 34)]
    return {
        f"u{n}": UserState(GAMER, tuple(HistoryEntry(f"item-{item:02d}", 5.0) for item in liked[n % 5]))
        for n in range(count)
    }


# ---------------------------------------------------------------- one engine


def test_likes_of_one_camp_bring_an_item_without_attributes_to_that_camp(engine: Engine):
    engine.add_items([Item("fresh", {})])
    before = {camp: rank(engine, {"camp": camp}) for camp in ("gamer", "reader")}
    others = {item: score for item, score in scores(engine, GAMER).items() if item != "fresh"}
    users = gamers(6)
    engine.hear(list(users), [Interaction(user, "fresh", 5.0) for user in users], users)
    assert rank(engine, GAMER) < 10 < before["gamer"]
    assert rank(engine, READER) >= before["reader"] > 10
    after = scores(engine, GAMER)
    assert {item: after[item] for item in others} == others
    engine.hear(list(users), [], {})
    assert {camp: rank(engine, {"camp": camp}) for camp in ("gamer", "reader")} == before


def test_changed_attributes_and_likes_count_together(engine: Engine):
    users = gamers(2)
    engine.add_items([Item("fresh", {"shelf": "books"}), Item("other", {"shelf": "games"})])
    for item in ("fresh", "other"):
        engine.hear(list(users), [Interaction(user, item, 5.0) for user in users for item in ("fresh", "other")], users)
    found = scores(engine, GAMER)
    assert found["fresh"] < found["other"]
    engine.add_items([Item("fresh", {"shelf": "games"})])
    found = scores(engine, GAMER)
    assert found["fresh"] == pytest.approx(found["other"], abs=1e-5)


def test_nothing_is_listened_to_without_live_items_or_components_that_use_it(engine: Engine, bundle_path, plugins):
    assert engine.early_items == []
    other = Engine.open(bundle_path, plugins, verify=False)
    for each in (engine, other):
        each.add_items([Item(f"x{n}", {}) for n in range(MOST_ITEMS + 1)])
    assert engine.early_items == [f"x{n}" for n in range(1, MOST_ITEMS + 1)]
    assert other.early_items == []


def raising(*_: Any) -> Any:
    raise RuntimeError("secret")


@pytest.mark.parametrize(
    "broken",
    [
        {"move_item": raising},
        {"user_leanings": raising},
        {"user_leanings": lambda queries: np.zeros((1, 2, 3))},
        {"user_leanings": lambda queries: np.full((len(queries), 3), np.nan)},
    ],
)
def test_a_component_that_fails_changes_nothing_and_is_told(engine: Engine, hooked, monkeypatch, broken):
    told: list[str] = []

    def note(component: str) -> None:
        told.append(component)

    hooked(firstlight_component_error=note)
    engine.add_items([Item("fresh", {})])
    before = scores(engine, GAMER)
    users = gamers(3)
    with monkeypatch.context() as patch:
        for name, function in broken.items():
            patch.setattr(engine.model.components["projection"], name, function)
        engine.hear(list(users), [Interaction(user, "fresh", 5.0) for user in users], users)
    assert told == ["projection"]
    assert scores(engine, GAMER) == before


# ---------------------------------------------------------------- who counts


class Listener:
    """Knows of users how many items are in their histories, and keeps what it is told."""

    def __init__(self) -> None:
        self.told: dict[int, tuple[list[float], list[bool]]] = {}

    def user_leanings(self, queries: Queries) -> np.ndarray:
        return queries.histories.lengths[:, None].astype(np.float32)

    def move_item(self, position: int, leanings: np.ndarray, positive: np.ndarray) -> None:
        self.told[position] = (leanings.ravel().tolist(), positive.tolist())


def early(live: int) -> tuple[Early, Listener]:
    items = ItemTable(np.zeros((10, 2), np.float32), np.ones(10, np.int32))
    items.append(np.zeros((live, 2), np.float32))
    listener = Listener()
    return Early({"listener": listener, "deaf": object()}, items), listener


def meet(found: Early, meetings: list[Meeting], *, histories: list[list[int]] | None = None, removed=NOTHING) -> None:
    rows = histories or [[meeting.position] for meeting in meetings]
    queries = Queries(np.zeros((len(rows), 0), np.float32), Histories.from_rows(rows))
    found.hear({meeting.user_id for meeting in meetings}, meetings, queries, removed, attempt_quietly)


def test_a_user_counts_without_the_item_itself_and_without_removed_live_items():
    found, listener = early(3)
    meetings = [Meeting(10, "a", 0, True), Meeting(11, "a", 0, False), Meeting(10, "b", 1, False)]
    meet(found, meetings, histories=[[1, 2, 10, 11], [1, 2, 10, 11], [10, 12]], removed=np.array([1, 12], np.int32))
    assert listener.told == {10: ([3.0, 0.0], [True, False]), 11: ([3.0], [False])}
    assert found.users_of([10]) == {"a", "b"}
    assert found.users_of([1, 12, -1]) == set()


def test_the_newest_users_count_whatever_the_order_in_which_they_are_heard():
    meetings = [Meeting(10, f"u{n:03d}", n // 2, n % 3 == 0) for n in range(MOST_USERS + 9)]
    told = []
    for order in (meetings, meetings[::-1]):
        found, listener = early(1)
        for start in range(0, len(order), 10):
            part = order[start : start + 10]
            meet(found, part, histories=[[n] * int(m.user_id[1:]) for n, m in enumerate(part)])
        told.append(listener.told[10])
        assert found.users_of([10]) == {meeting.user_id for meeting in meetings[9:]}
    assert told[0] == told[1]
    assert told[0][1] == [n % 3 == 0 for n in range(9, MOST_USERS + 9)]


def test_what_is_heard_of_a_user_replaces_what_was_known():
    found, listener = early(2)
    meet(found, [Meeting(10, "a", 0, True), Meeting(11, "a", 0, True), Meeting(11, "b", 0, True)])
    meet(found, [Meeting(10, "a", 0, False)])
    assert listener.told == {10: ([0.0], [False]), 11: ([0.0], [True])}
    found.hear({"a"}, [], Queries(np.zeros((0, 0), np.float32), Histories.empty(0)), NOTHING, attempt_quietly)
    assert listener.told[10] == ([], [])
    assert found.users_of([10, 11]) == {"b"}


def test_only_the_newest_items_are_moved_and_older_ones_go_back():
    found, listener = early(MOST_ITEMS)
    meet(found, [Meeting(10, "a", 0, True)])
    found._items.append(np.zeros((1, 2), np.float32))
    meet(found, [Meeting(10, "b", 0, True), Meeting(11, "b", 0, True), Meeting(-1, "b", 0, True)])
    assert listener.told == {10: ([], []), 11: ([0.0], [True])}
    assert found.users_of([10, 11]) == {"b"}


# ---------------------------------------------------------------- followed from the store


class Home:
    """A home whose bundle ranks by projection, and that somebody asks all the time."""

    def __init__(self, path: Path, template: Path, plugins: Plugins, write: Callable[..., Path]) -> None:
        path.mkdir()
        shutil.copy(template, path / "firstlight.db")
        self.plugins, self._write = plugins, write
        self.settings: Settings = init_home(path)
        self.store: Store = open_store(self.settings)
        self.token = self.store.last_token()
        self.activate("b1")
        self.running = self.restarted()
        self.running.load("default")

    def activate(self, bundle_id: str) -> None:
        """A bundle of the data as they were before any test wrote."""
        path = self._write(self.settings.bundles, bundle_id, dataset_token=self.token)
        place, schema = str(path.relative_to(self.settings.bundles)), self.store.catalog_schema("default")
        now = datetime.now(UTC)
        self.store.register_bundle(BundleRecord("default", bundle_id, place, now, "small", 0, self.token, schema))
        self.store.activate_bundle("default", bundle_id)

    def restarted(self) -> Recommender:
        return Recommender(self.store, self.settings, self.plugins)

    def likes(self, users: range, *items: str, value: float = 5.0) -> None:
        """Every second user is a gamer."""
        batch = [Interaction(f"user-{n:02d}", item, value, time_us=10**9 + n) for n in users for item in items]
        self.store.write_interactions("default", batch)

    def same_after_restart(self) -> None:
        self.running.follow()
        for profile in (GAMER, READER):
            assert scores(self.restarted(), profile) == pytest.approx(scores(self.running, profile), abs=1e-6)


@pytest.fixture
def home(tmp_path: Path, filled_store: Path, plugins: Plugins, write_projection) -> Iterator[Home]:
    home = Home(tmp_path / "home", filled_store, plugins, write_projection)
    yield home
    home.store.close()


GAMERS, READERS = range(1, 20, 2), range(0, 20, 2)


def test_written_likes_count_once_followed_and_the_same_after_a_restart(home: Home):
    home.store.upsert_items("default", [Item("fresh", {}), Item("dull", {"shelf": "books"})])
    home.running.follow()
    before = rank(home.running, GAMER)
    home.likes(GAMERS, "fresh")
    assert rank(home.running, GAMER) == before, "until changes are followed"
    home.running.follow()
    assert rank(home.running, GAMER) < 10 < before
    assert rank(home.running, READER) > 10
    home.same_after_restart()
    home.likes(READERS, "dull", "fresh")
    home.likes(range(1, 6, 2), "fresh", value=1.0)
    home.same_after_restart()


def test_an_item_that_interactions_brought_into_being_counts_too(home: Home):
    home.likes(GAMERS, "fresh")
    home.running.follow()
    assert rank(home.running, GAMER) < 10 < rank(home.running, READER)
    home.same_after_restart()


def test_deleted_users_are_forgotten(home: Home):
    home.store.upsert_items("default", [Item("fresh", {})])
    home.running.follow()
    before = scores(home.running, GAMER)
    home.likes(GAMERS, "fresh")
    home.running.follow()
    assert scores(home.running, GAMER) != before
    home.store.delete_users("default", [f"user-{n:02d}" for n in GAMERS])
    home.running.follow()
    assert scores(home.running, GAMER) == before


def test_a_deleted_item_is_gone_and_finds_its_likes_again_when_it_comes_back(home: Home):
    home.store.upsert_items("default", [Item("fresh", {}), Item("other", {"year": 1993})])
    home.likes(GAMERS, "fresh", "other")
    home.running.follow()
    before = scores(home.running, GAMER)
    home.store.delete_items("default", ["fresh"])
    home.same_after_restart()
    assert "fresh" not in scores(home.running, GAMER)
    home.store.upsert_items("default", [Item("fresh", {})])
    home.same_after_restart()
    assert scores(home.running, GAMER) == pytest.approx(before, abs=1e-6)


def test_later_changes_of_users_and_items_are_followed(home: Home):
    home.store.upsert_items("default", [Item("fresh", {}), Item("other", {})])
    home.likes(GAMERS, "fresh", "other")
    home.running.follow()
    for change in (
        lambda: home.store.upsert_users("default", [User("user-01", {"camp": "reader"})]),
        lambda: home.store.upsert_items("default", [Item("other", {"shelf": "books"})]),
        lambda: home.store.write_interactions("default", [Interaction("user-03", "item-01", 5.0)]),
    ):
        before = scores(home.running, GAMER)["fresh"]
        change()
        home.running.follow()
        assert scores(home.running, GAMER)["fresh"] != before
        home.same_after_restart()


def test_an_activated_bundle_knows_them_and_so_does_the_old_one_after_a_rollback(home: Home):
    home.store.upsert_items("default", [Item("fresh", {})])
    home.likes(GAMERS, "fresh")
    home.running.follow()
    before = scores(home.running, GAMER)
    home.activate("b2")
    home.running.follow()
    assert home.running.active_bundle("default") == "b2"
    assert scores(home.running, GAMER) == pytest.approx(before, abs=1e-6)
    home.likes(READERS, "fresh")
    home.running.follow()
    after = scores(home.running, GAMER)
    assert after["fresh"] != pytest.approx(before["fresh"], abs=1e-3)
    home.store.rollback_bundle("default")
    home.running.follow()
    assert home.running.active_bundle("default") == "b1"
    assert scores(home.running, GAMER) == pytest.approx(after, abs=1e-6)


def test_users_who_met_no_live_item_are_not_read(home: Home, monkeypatch):
    home.store.upsert_items("default", [Item("fresh", {})])
    home.running.follow()
    monkeypatch.setattr(home.store, "list_interactions", raising)
    home.store.write_interactions("default", [Interaction("user-03", "item-01", 5.0)])
    assert home.running.follow() == home.store.last_token()

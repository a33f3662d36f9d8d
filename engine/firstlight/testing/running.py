"""The tiny catalogue, trained with plugins under test and answering: in this process, or over gRPC on loopback."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import tomlkit

from firstlight.client import Client
from firstlight.domain import Interaction, Item, Query, User
from firstlight.pipeline import Recommendation, Recommender
from firstlight.plugins import GROUP, Plugins, load_plugins
from firstlight.server.app import App
from firstlight.server.backend import Backend
from firstlight.settings import HOME_FORMAT, SETTINGS_FILE, Settings, init_home
from firstlight.store import Store, open_store
from firstlight.testing.catalogue import TinyCatalogue
from firstlight.training import TrainOptions, TrainResult, train

CATALOG = "default"
SEED = 7
START_S = 30.0
QUICK: Mapping[str, Any] = {"drain_delay_s": 0.0, "poll_interval_s": 0.02}
"""``[serve]`` of a server that a test starts and stops."""

Plugin = str | ModuleType | EntryPoint
"""A plugin under test beside the installed ones: a module, its name, or an entry point."""


class StartEngine(Protocol):
    """The fixture ``firstlight_engine``."""

    def __call__(
        self, *plugins: Plugin, settings: Mapping[str, Any] | None = None, without: Sequence[str] = ...
    ) -> RunningEngine:
        """The tiny catalogue, trained and answering.

        Plugins that are installed take part by themselves; ``plugins`` are added. ``settings``: those of
        ``firstlight.toml``, as a nested mapping. ``without``: built-in plugins left out, as they take long to train.
        """
        ...


class StartServer(Protocol):
    """The fixture ``firstlight_server``."""

    def __call__(
        self, *plugins: Plugin, settings: Mapping[str, Any] | None = None, without: Sequence[str] = ...
    ) -> RunningServer:
        """The same behind a gRPC server of its own, on a free port of the loopback device."""
        ...


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """A trained home and what answers from it, in this process. ``result``: what training gave."""

    catalogue: TinyCatalogue
    settings: Settings
    store: Store
    plugins: Plugins
    recommender: Recommender
    result: TrainResult

    def recommend(self, query: Query | None = None, *, remaining_s: float | None = None) -> Recommendation:
        """The answer to one query, by default that of an unknown user; ``remaining_s``: what is left of a deadline."""
        return self.recommender.recommend(CATALOG, [query or Query()], remaining_s=remaining_s)[0]


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server and a client of it. ``engine`` is the trained home it answers from."""

    address: str
    client: Client
    engine: RunningEngine


@dataclass(slots=True)
class TrainedHomes:
    """Homes below ``directory``: each combination of plugins and settings is trained once and copied for each use."""

    directory: Path
    trained: dict[tuple[Any, ...], tuple[Path, TrainResult]] = field(default_factory=dict)
    copies: int = 0
    kept: list[ModuleType] = field(default_factory=list)
    """Modules that keys name by identity must stay, else another one could get theirs."""

    def open(
        self, plugins: Sequence[Plugin], settings: Mapping[str, Any] | None, without: Sequence[str]
    ) -> RunningEngine:
        """A copy of the trained home, open."""
        points = [_entry_point(plugin) for plugin in plugins]
        given: dict[str, Any] = {"disable_plugins": list(without), **(settings or {})}
        given["serve"] = {**QUICK, **given.get("serve", {})}
        key = (*points, *map(_source, points), json.dumps(given, sort_keys=True, default=str))
        if key not in self.trained:
            self.kept += [sys.modules[point.module] for point in points if point.module in sys.modules]
            self.trained[key] = _trained(self.directory / f"trained-{len(self.trained)}", points, given)
        source, result = self.trained[key]
        self.copies += 1
        home = shutil.copytree(source, self.directory / f"home-{self.copies}")
        found = Settings.load(home)
        store, loaded = open_store(found), load_plugins(found.plugin_rules, extra=points)
        return RunningEngine(TinyCatalogue.make(), found, store, loaded, Recommender(store, found, loaded), result)


def _entry_point(plugin: Plugin) -> EntryPoint:
    if isinstance(plugin, EntryPoint):
        return plugin
    module = plugin if isinstance(plugin, str) else plugin.__name__
    return EntryPoint(module.rpartition(".")[2], module, GROUP)


def _source(point: EntryPoint) -> str | int | None:
    """What tells two plugins of one name apart: the file of the top package, else the module that a test made."""
    package = point.module.partition(".")[0]
    try:
        spec = find_spec(package)
    except ValueError:  # a module that was made, not found
        return id(sys.modules[package])
    return spec.origin if spec else None


def _trained(home: Path, points: Sequence[EntryPoint], given: Mapping[str, Any]) -> tuple[Path, TrainResult]:
    init_home(home)
    (home / SETTINGS_FILE).write_text(tomlkit.dumps({"format": HOME_FORMAT, **given}), "utf-8")
    settings = Settings.load(home)
    store = open_store(settings)
    try:
        fill(store)
        plugins = load_plugins(settings.plugin_rules, extra=points)
        return home, train(store, settings, plugins, CATALOG, TrainOptions(seed=SEED, device="cpu", force=True))
    finally:
        store.close()


def fill(store: Store) -> int:
    """Write the tiny catalogue into ``store``; the number of the last change."""
    dataset = TinyCatalogue.make().dataset
    store.ensure_catalog(CATALOG)
    store.set_catalog_schema(CATALOG, dataset.schema)
    store.upsert_users(CATALOG, list(map(User, dataset.user_ids, dataset.user_attributes)))
    store.upsert_items(CATALOG, list(map(Item, dataset.item_ids, dataset.item_attributes)))
    h = dataset.histories
    rows = zip(h.rows, h.items, h.values, h.times, strict=True)
    batch = [
        Interaction(dataset.user_ids[user], dataset.item_ids[item], value=float(value), time_us=int(time))
        for user, item, value, time in rows
    ]
    return store.write_interactions(CATALOG, batch).write_token


@contextmanager
def serving(engine: RunningEngine) -> Iterator[RunningServer]:
    """A gRPC server in a thread of this process, and a client of it."""
    started: threading.Event = threading.Event()
    running: list[tuple[asyncio.AbstractEventLoop, Callable[[], None], int]] = []
    failures: list[BaseException] = []

    async def serve() -> None:
        stopping = asyncio.Event()
        app = App(Backend(engine.settings, store=open_store(engine.settings), plugins=engine.plugins), "127.0.0.1:0")
        await app.start()
        running.append((asyncio.get_running_loop(), stopping.set, app.port))
        started.set()
        await stopping.wait()
        await app.stop()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failures.append(error)
            started.set()

    thread = threading.Thread(target=run, name="firstlight-test-server", daemon=True)
    thread.start()
    if not started.wait(START_S) or failures:
        raise RuntimeError("the server did not start") from next(iter(failures), None)
    loop, stop, port = running[0]
    address = f"127.0.0.1:{port}"
    try:
        with Client.connect(address, catalog_id=CATALOG, timeout_s=20) as client:
            yield RunningServer(address, client, engine)
    finally:
        loop.call_soon_threadsafe(stop)
        thread.join(START_S)

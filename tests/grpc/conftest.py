"""A home with the tiny catalogue and two bundles, and a real server process for it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

import psutil
import pytest

from firstlight.bundle import write_bundle
from firstlight.client import Client
from firstlight.domain import Dataset, Interaction, Item, TrainingData, User
from firstlight.features import FeatureEncoders, training_data
from firstlight.plugins import Plugins, load_plugins
from firstlight.roles import Component, FitOptions
from firstlight.settings import Settings, init_home
from firstlight.store import BundleRecord, Store, open_store
from firstlight.testing import tiny_dataset

SERVE = """
import sys
from pathlib import Path
from firstlight.errors import FirstlightError
from firstlight.server import serve
from firstlight.settings import Settings
try:
    serve(Settings.load(Path(sys.argv[1])), port=int(sys.argv[2]), workers=int(sys.argv[3]))
except FirstlightError as error:
    sys.exit(f"error: {error.reason}: {error}")
"""
QUICK = {"FIRSTLIGHT_SERVE__DRAIN_DELAY_S": "0", "FIRSTLIGHT_SERVE__POLL_INTERVAL_S": "0.05"}


@dataclass(frozen=True)
class Server:
    address: str
    process: subprocess.Popen[str]

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def start(home: Path, *, port: int = 0, workers: int = 1, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SERVE, str(home), str(port), str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **QUICK, **environment},
    )


@contextmanager
def serving(home: Path, *, port: int = 0, workers: int = 1, **environment: str) -> Iterator[Server]:
    process = start(home, port=port, workers=workers, **environment)
    try:
        line = process.stdout.readline()
        assert line.startswith("Serving on "), process.stderr.read()
        yield Server(line.split()[-1], process)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def fill(store: Store, dataset: Dataset, catalog_id: str = "default") -> int:
    users = zip(dataset.user_ids, dataset.user_attributes, strict=True)
    items = zip(dataset.item_ids, dataset.item_attributes, strict=True)
    store.upsert_users(catalog_id, [User(user_id, attributes) for user_id, attributes in users])
    store.upsert_items(catalog_id, [Item(item_id, attributes) for item_id, attributes in items])
    histories = dataset.histories
    batch = [
        Interaction(dataset.user_ids[row], dataset.item_ids[item], value=float(value), time_us=int(time))
        for row, item, value, time in zip(
            histories.rows, histories.items, histories.values, histories.times, strict=True
        )
    ]
    return store.write_interactions(catalog_id, batch).write_token


@cache
def fitted() -> tuple[Plugins, Dataset, FeatureEncoders, TrainingData, dict[str, Component]]:
    """Popularity and neighbours, fitted on the tiny catalogue."""
    plugins = load_plugins()
    dataset = tiny_dataset()
    encoders = FeatureEncoders.fit(dataset)
    data = training_data(dataset, encoders, validation=range(0, 80, 8))
    components = {}
    for name in ("popularity", "neighbours"):
        components[name] = plugins.registrations[name].create()
        components[name].fit(data, FitOptions())
    return plugins, dataset, encoders, data, components


def add_bundle(
    settings: Settings, store: Store, bundle_id: str, *, token: int, decision: str = "first", reason: str = ""
) -> Path:
    plugins, dataset, encoders, data, components = fitted()
    path = write_bundle(
        settings.home / "bundles",
        bundle_id=bundle_id,
        catalog_id="default",
        schema=dataset.schema,
        item_ids=dataset.item_ids,
        encoders=encoders,
        items=data.items,
        components=components,
        ranker=None,
        metrics={"ndcg": 0.5},
        evaluation={},
        dataset_token=token,
        plugins=plugins,
    )
    now = datetime.now(UTC)
    store.register_bundle(
        BundleRecord(
            "default",
            bundle_id,
            str(path),
            now,
            "small",
            0,
            token,
            dataset.schema,
            {"ndcg": 0.5},
            {"decision": decision, "reason": reason},
        )
    )
    return path


def filled_home(home: Path, *bundle_ids: str) -> Settings:
    """A home with the tiny catalogue and bundles of it, of which the first is active."""
    settings = init_home(home)
    store = open_store(settings)
    token = fill(store, tiny_dataset())
    for bundle_id in bundle_ids:
        add_bundle(settings, store, bundle_id, token=token)
    store.activate_bundle("default", bundle_ids[0])
    store.close()
    return settings


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return filled_home(tmp_path_factory.mktemp("server") / "home", "bundle-1", "bundle-2")


@pytest.fixture(scope="session")
def server(settings: Settings) -> Iterator[Server]:
    with serving(settings.home) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[Client]:
    with Client.connect(server.address, timeout_s=20) as connected:
        connected.recommend()  # load the bundle
        yield connected


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings)
    yield opened
    opened.close()


@pytest.fixture
def make_bundle(settings: Settings, store: Store) -> Callable[..., Path]:
    return partial(add_bundle, settings, store, token=store.last_token())


@pytest.fixture(scope="session")
def make_home() -> Callable[..., Settings]:
    return filled_home


@pytest.fixture
def serving_start() -> Callable[..., subprocess.Popen[str]]:
    return start


@pytest.fixture
def serve_home() -> Callable[..., AbstractContextManager[Server]]:
    return serving


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for a condition."""

    def wait(condition: Callable[[], object], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    return wait


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]

"""What a worker has done, and how it is set up, when the server says that it serves."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from firstlight.client import Client
from firstlight.domain import Query
from firstlight.pipeline import Recommender
from firstlight.plugins import load_plugins
from firstlight.server.warming import USERS, warm
from firstlight.settings import Settings
from firstlight.store import open_store
from firstlight.testing import tiny_dataset

pytestmark = pytest.mark.xdist_group("grpc")


@pytest.fixture(scope="module")
def home(make_home: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("starting") / "home", "bundle-1").home


def test_a_worker_starts_warm_and_with_the_threads_it_may_have(serve_home: Callable[..., object], home: Path) -> None:
    with serve_home(home, FIRSTLIGHT_SERVE__THREADS="3") as server:
        (worker,) = server.workers()
        assert any("bundle-1" in mapped.path for mapped in worker.memory_maps())
        environment = worker.environ()
        assert {environment[f"{library}_NUM_THREADS"] for library in ("OMP", "OPENBLAS", "MKL")} == {"3"}


def test_recent_users_are_known_and_one_bad_bundle_stops_nobody(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings.load(home)
    store = open_store(settings)
    record = store.active_bundle("default")
    store.ensure_catalog("a-new-one")
    store.ensure_catalog("broken")
    store.register_bundle(replace(record, catalog_id="broken", bundle_id="b", path="nowhere"))
    store.activate_bundle("broken", "b")
    recommender = Recommender(store, settings, load_plugins())
    warm(store, recommender)
    assert list(recommender.engines) == ["default"]
    asked = [Query(user_id=user_id) for user_id in tiny_dataset().user_ids]
    assert len(asked) - len(recommender.missing_users("default", asked)) == USERS
    assert "catalogue broken cannot be answered" in caplog.text
    assert "a-new-one" not in caplog.text
    store.close()


def test_old_connections_are_made_anew_and_no_call_notices(serve_home: Callable[..., object], home: Path) -> None:
    with (
        serve_home(home, FIRSTLIGHT_SERVE__MAX_CONNECTION_AGE_S="0.5") as server,
        Client.connect(server.address, timeout_s=5) as client,
    ):
        (worker,) = server.workers()
        callers = set()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            client.recommend(limit=1)
            callers |= {c.raddr.port for c in worker.net_connections() if c.status == psutil.CONN_ESTABLISHED}
        assert len(callers) >= 3

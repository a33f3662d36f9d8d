"""What was acknowledged is there once, whatever happens to the workers and the store; Recommend answers meanwhile."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import tomlkit
from sqlalchemy import create_engine, text

from firstlight.client import Client
from firstlight.errors import FirstlightError
from firstlight.plugins import load_plugins
from firstlight.settings import SETTINGS_FILE, Settings, init_home
from firstlight.store import BundleRecord, open_store
from firstlight.testing.running import CATALOG, fill
from firstlight.training import TrainOptions, train
from firstlight.v1.recommendation_pb2 import Degradation

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]

WITHOUT = ["sequence", "student", "factors", "ease", "transfer", "projection"]
ROOT = Path(__file__).parents[2]
CALLERS = 4
UNREAD = Degradation.REASON_USER_STATE_UNAVAILABLE


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the tiny catalogue and a bundle of few components."""
    settings = init_home(tmp_path_factory.mktemp("faults") / "home")
    settings = configured(settings.home, disable_plugins=WITHOUT)
    store = open_store(settings)
    fill(store)
    train(store, settings, load_plugins(settings.plugin_rules), CATALOG, TrainOptions(seed=7, device="cpu", force=True))
    store.close()
    return settings.home


def configured(home: Path, **values: object) -> Settings:
    """The settings of ``home`` with other values."""
    file = home / SETTINGS_FILE
    file.write_text(tomlkit.dumps(tomlkit.parse(file.read_text("utf-8")) | values), "utf-8")
    return Settings.load(home)


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "home")


@dataclass
class Server:
    address: str
    process: psutil.Popen

    def workers(self) -> list[psutil.Process]:
        return [p for p in self.process.children() if p.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def serving(home: Path, **environment: str) -> Iterator[Server]:
    """A server with two workers."""
    command = [sys.executable, "-m", "firstlight.cli", "serve", "--home", str(home), "--port", "0", "--workers", "2"]
    with (home / "server.log").open("wb") as log:
        process = psutil.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "FIRSTLIGHT_SERVE__DRAIN_DELAY_S": "0", **environment},
        )
    try:
        for line in process.stdout:
            if line.startswith("Serving on "):
                break
        else:
            raise AssertionError((home / "server.log").read_text("utf-8"))
        yield Server(line.split()[-1], process)
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


@dataclass
class Driver:
    """Callers that write without pause, each with connections of its own, and one that asks; their history."""

    address: str
    prefix: str = ""
    acknowledged: list[str] = field(default_factory=list)
    refused: list[FirstlightError] = field(default_factory=list)
    unanswered: list[FirstlightError] = field(default_factory=list)
    answered: int = 0
    without_state: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def write(self, caller: int) -> None:
        n = 0
        with Client.connect(self.address, timeout_s=30) as client:
            while not self.stopping.is_set():
                ids = [f"{self.prefix}{caller}-{n}-{k}" for k in range(3)]
                batch = [{"interaction_id": one, "user_id": f"user-{one}", "item_id": f"item-{n % 9}"} for one in ids]
                n += 1
                try:
                    client.write_interactions(batch)
                except FirstlightError as error:
                    self.refused.append(error)
                else:
                    self.acknowledged += ids

    def ask(self) -> None:
        with Client.connect(self.address, timeout_s=20) as client:
            while not self.stopping.is_set():
                try:
                    answer = client.recommend(f"user-{self.answered}", limit=5)
                    assert answer.items
                    self.answered += 1
                    self.without_state += any(note.reason == UNREAD for note in answer.degraded)
                except FirstlightError as error:
                    self.unanswered.append(error)
                time.sleep(0.01)

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.write, args=(n,)) for n in range(CALLERS)]
        threads.append(threading.Thread(target=self.ask))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            for thread in threads:
                thread.join(90)
            assert not [thread for thread in threads if thread.is_alive()]


@contextmanager
def driving(server: Server, prefix: str = "") -> Iterator[Driver]:
    driver = Driver(server.address, prefix)
    with Client.connect(server.address, timeout_s=30) as client:
        for _ in range(20):
            client.recommend()  # both workers load the bundle
    with driver.running():
        until(lambda: len(driver.acknowledged) > 30 and driver.answered > 5)
        yield driver


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def goes_on(driver: Driver) -> None:
    """Writes and answers come again."""
    written, answered = len(driver.acknowledged), driver.answered
    until(lambda: len(driver.acknowledged) > written + 30 and driver.answered > answered + 5)


def check(settings: Settings, driver: Driver) -> None:
    """Every acknowledged interaction is stored, each exactly once; others are whole batches."""
    store = open_store(settings)
    with store._database.read() as connection:
        ids = connection.execute(text("SELECT interaction_id FROM interactions WHERE interaction_id <> ''"))
        stored = Counter(ids.scalars())
        changed = set(connection.execute(text("SELECT key FROM changes WHERE kind = 'interaction'")).scalars())
    store.close()
    assert set(stored.values()) == {1}
    assert set(driver.acknowledged) <= set(stored)
    assert {f"user-{one}" for one in stored} <= changed
    batches = Counter(one.rpartition("-")[0] for one in stored)
    assert set(batches.values()) == {3}


@pytest.mark.slow
@pytest.mark.timeout(290)
def test_fifty_deaths_of_workers(home: Path) -> None:
    """Ten servers lose five workers each: one place is filled again later and later, the oftener its worker dies."""
    chance, everything = random.Random(5), Driver("")
    for round_ in range(10):
        with serving(home) as server, driving(server, f"{round_}-") as driver:
            for _ in range(5):
                time.sleep(chance.uniform(0.0, 0.2))
                until(server.workers)  # the next one may not have begun
                chance.choice(server.workers()).kill()
                written = len(driver.acknowledged)
                until(lambda driver=driver, written=written: len(driver.acknowledged) > written)
        everything.acknowledged += driver.acknowledged
    check(Settings.load(home), everything)


def test_sqlite_locked_by_somebody_else(home: Path) -> None:
    with serving(home) as server, driving(server) as driver:
        other = sqlite3.connect(home / "firstlight.db", isolation_level=None, timeout=10)
        other.execute("BEGIN EXCLUSIVE")
        answered, written = driver.answered, len(driver.acknowledged)
        time.sleep(4)
        assert len(driver.acknowledged) <= written + 3 * CALLERS
        assert driver.answered > answered + 20
        other.execute("ROLLBACK")
        other.close()
        goes_on(driver)
    assert not driver.unanswered
    assert not driver.refused  # they waited
    check(Settings.load(home), driver)


@pytest.fixture
def postgres(trained: Path, home: Path) -> Iterator[psutil.Process]:
    """The first process of a private PostgreSQL cluster, to which ``home`` is moved."""
    if not shutil.which("initdb") and not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        pytest.skip("PostgreSQL is not installed")
    cluster = psutil.Popen(
        [ROOT / ".ci" / "with-postgres", "sh", "-c", 'echo "$FIRSTLIGHT_TEST_POSTGRES_URL"; read _'],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = cluster.stdout.readline().strip()
        move(trained, home, url)
        (postmaster,) = (p for p in cluster.children() if p.name() == "postgres")
        yield postmaster
    finally:
        cluster.stdin.close()
        cluster.wait(30)
        cluster.stdout.close()


def move(trained: Path, home: Path, url: str) -> None:
    """Let ``home`` keep its rows at ``url``: the tiny catalogue and the bundle it has."""
    store = open_store(Settings.load(trained))
    (bundle,) = store.list_bundles(CATALOG)
    store.close()
    for file in home.glob("firstlight.db*"):
        file.unlink()
    store = open_store(configured(home, database_url=url))
    fill(store)
    store.register_bundle(BundleRecord(*(getattr(bundle, name) for name in bundle.__slots__)))
    store.activate_bundle(CATALOG, bundle.bundle_id)
    store.close()


def test_postgres_that_stops_answering(home: Path, postgres: psutil.Process) -> None:
    with serving(home) as server, driving(server) as driver:
        postgres.suspend()  # first: it starts no others then
        everyone = [postgres, *postgres.children()]
        for process in everyone:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        try:
            answered, written, without = driver.answered, len(driver.acknowledged), driver.without_state
            time.sleep(4)
            assert len(driver.acknowledged) <= written + 3 * CALLERS
            assert driver.answered > answered + 20
            assert driver.without_state > without + 15  # the answers say so
        finally:
            for process in everyone:
                with suppress(psutil.NoSuchProcess):
                    process.resume()
        goes_on(driver)
    assert not driver.unanswered
    check(Settings.load(home), driver)


def test_postgres_that_refuses_connections(home: Path, postgres: psutil.Process) -> None:
    url = Settings.load(home).store_url
    admin = create_engine(url.replace("/firstlight_test", "/postgres"), isolation_level="AUTOCOMMIT")
    with serving(home) as server, driving(server) as driver, admin.connect() as connection:
        connection.execute(text("ALTER DATABASE firstlight_test ALLOW_CONNECTIONS false"))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'firstlight_test'")
        )
        answered = driver.answered
        time.sleep(3)
        assert driver.answered > answered + 20
        assert driver.refused
        connection.execute(text("ALTER DATABASE firstlight_test ALLOW_CONNECTIONS true"))
        goes_on(driver)
    admin.dispose()
    assert not driver.unanswered
    check(Settings.load(home), driver)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill_up(file: Path) -> None:
    """Write until there is no space."""
    with suppress(OSError), file.open("wb", buffering=0) as opened:
        while opened.write(b"x" * 65536):
            pass


def test_a_full_disk(trained: Path, small_disk: Path) -> None:
    home = shutil.copytree(trained, small_disk / "home", ignore=shutil.ignore_patterns("cache"))
    with serving(home) as server, driving(server) as driver:
        filler = small_disk / "filler"
        fill_up(filler)
        until(lambda: driver.refused)
        answered = driver.answered
        time.sleep(1)
        assert driver.answered > answered + 20
        filler.unlink()
        goes_on(driver)
    assert not driver.unanswered
    assert {type(error).__name__ for error in driver.refused} == {"UnavailableError"}
    check(Settings.load(home), driver)

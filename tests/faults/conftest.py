"""A trained home, real servers of it, and callers who keep calling while something happens to these."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import psutil
import pytest

from firstlight.client import Client
from firstlight.client.channel import connection
from firstlight.errors import FirstlightError

CALLERS = 6
PAUSE_S = 0.01
"""Between the calls of one caller: what is looked for is failures, not the limit of this machine."""

OK = "OK"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "faults":
            item.add_marker(pytest.mark.faults)
            if item.get_closest_marker("xdist_group") is None:
                item.add_marker(pytest.mark.xdist_group("servers"))


@dataclass(frozen=True)
class Call:
    """Whose it was, when it began, by the monotonic clock, how long it took, its gRPC status, and what it brought."""

    user_id: str
    began_s: float
    took_s: float
    code: str
    bundle_id: str = ""
    items: tuple[str, ...] = ()


@dataclass
class History:
    calls: list[Call] = field(default_factory=list)

    def failures(self) -> list[Call]:
        return [call for call in self.calls if call.code != OK]

    def bundles(self) -> set[str]:
        """Those that answered."""
        return {call.bundle_id for call in self.calls if call.code == OK}

    def since(self, began_s: float) -> "History":
        return History([call for call in self.calls if call.began_s >= began_s])

    def until(self, condition: Callable[[], object], seconds: float = 30) -> None:
        """Go on calling until ``condition`` is met, and then for a second."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.1)
        time.sleep(1)


@dataclass(frozen=True)
class Server:
    address: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def workers(self) -> set[int]:
        return {worker.pid for worker in psutil.Process(self.process.pid).children()}

    def logged(self, pattern: str) -> list[str]:
        """What matches ``pattern`` in the log, each within a line."""
        return re.findall(pattern, self.log.read_text("utf-8"))


@contextmanager
def serving(home: Path, *options: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "firstlight.cli", "serve", "--home", str(home), *options]
    with (home / "logs" / f"serve-{time.monotonic_ns()}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        lines = iter(process.stdout.readline, "")
        address = next(line for line in lines if line.startswith("Serving on ")).split()[-1]
        yield Server(address, process, Path(log.name))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=40)


@contextmanager
def calling(*addresses: str, timeout_s: float = 10.0) -> Iterator[History]:
    """The calls of several clients as they are shipped, each with connections of its own, until the block ends."""
    history, done = History(), threading.Event()
    opened = connection(addresses, wait_for_ready=True, tls=False, ca_file=None, credentials=None, bearer_token="")
    opened.options.append(("grpc.use_local_subchannel_pool", 1))

    def call(number: int) -> None:
        channel = opened.open(grpc, check_health=len(addresses) > 1)
        with Client(channel, address=", ".join(addresses), timeout_s=timeout_s) as client:
            while not done.is_set():
                user_id, began_s = f"user-{number}", time.monotonic()
                try:
                    answer = client.recommend(user_id, limit=5)
                    assert answer.items
                    found = (OK, answer.bundle_id, tuple(item.item_id for item in answer.items))
                except FirstlightError as error:
                    found = (error.code,)
                history.calls.append(Call(user_id, began_s, time.monotonic() - began_s, *found))
                time.sleep(PAUSE_S)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(1)
        yield history
    finally:
        done.set()
        for thread in threads:
            thread.join(timeout_s + 10)


@pytest.fixture
def home(firstlight_engine: Callable[..., object]) -> Path:
    """The tiny catalogue, trained, with the settings that a server has by default."""
    return firstlight_engine(settings={"serve": {"drain_delay_s": 1.0, "poll_interval_s": 0.05}}).settings.home


@pytest.fixture
def serve() -> Callable[..., AbstractContextManager[Server]]:
    return serving


@pytest.fixture
def call() -> Callable[..., AbstractContextManager[History]]:
    return calling

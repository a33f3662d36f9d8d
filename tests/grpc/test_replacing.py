"""Workers are replaced while callers call: on a signal, all in turn, and where one hangs."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from firstlight.client import Client
from firstlight.settings import init_home

pytestmark = pytest.mark.xdist_group("grpc")

CHECK = "/grpc.health.v1.Health/Check"
SERVING = b"\x08\x01"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return init_home(tmp_path / "home").home


@contextmanager
def called(address: str) -> Iterator[list[str]]:
    """Calls ``address`` until the block ends, on one connection and on new ones; what went wrong."""
    failures: list[str] = []
    done = threading.Event()

    def call() -> None:
        with Client.connect(address, timeout_s=5) as client:
            while not done.is_set():
                try:
                    client.list_items(page_size=1)
                    with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
                        health = channel.unary_unary(CHECK, None, None)
                        if (answer := health(b"", timeout=5, wait_for_ready=True)) != SERVING:
                            failures.append(f"health: {answer!r}")
                except Exception as error:
                    if getattr(error, "code", str)() not in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE):
                        failures.append(repr(error))

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield failures
    finally:
        done.set()
        thread.join(20)


def pids(server: object) -> set[int]:
    return {worker.pid for worker in server.workers()}


def test_a_worker_that_is_told_to_end_serves_until_its_successor_does(
    serve_home: Callable[..., object], home: Path, until: Callable[..., None]
) -> None:
    with serve_home(home, FIRSTLIGHT_SERVE__DRAIN_DELAY_S="60") as server:
        (before,) = server.workers()
        with called(server.address) as failures:
            before.send_signal(signal.SIGTERM)
            until(lambda: len(pids(server)) == 2)
            until(lambda: before.pid not in pids(server))  # at once: nobody has to notice where a successor listens
            assert len(pids(server)) == 1
        assert failures == []
        server.process.send_signal(signal.SIGTERM)  # the first of two: now everybody would have to notice
        time.sleep(0.3)


def test_on_a_hang_up_all_workers_are_replaced_in_turn(
    serve_home: Callable[..., object], home: Path, until: Callable[..., None]
) -> None:
    with serve_home(home, workers=2) as server, called(server.address) as failures:
        before = pids(server)
        most = 0

        def replaced() -> bool:
            nonlocal most
            now = pids(server)
            most = max(most, len(now))
            return len(now) == 2 and not now & before

        server.process.send_signal(signal.SIGHUP)
        until(replaced, 40)
        assert most == 3
    assert failures == []


def test_a_worker_that_hangs_is_killed_and_replaced(
    serve_home: Callable[..., object], home: Path, until: Callable[..., None]
) -> None:
    with serve_home(home) as server, Client.connect(server.address, timeout_s=20) as client:
        (worker,) = server.workers()
        worker.suspend()
        start = time.monotonic()
        until(lambda: worker.pid not in pids(server))
        assert 1.5 < time.monotonic() - start < 4
        assert client.upsert_items({"a": {}}).write_token


def test_a_supervisor_that_stood_still_takes_no_worker_for_hung(serve_home: Callable[..., object], home: Path) -> None:
    with serve_home(home, workers=2, FIRSTLIGHT_SERVE__HANG_TIMEOUT_S="1") as server:
        before = pids(server)
        everybody = [server.process.pid, *before]
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(2.5)
        for pid in everybody:  # the supervisor first: it meets workers that have been silent, as after a suspension
            os.kill(pid, signal.SIGCONT)
        time.sleep(1.5)
        assert pids(server) == before

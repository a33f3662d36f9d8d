"""Workers die, end and hang while callers call."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

KILLS, EVERY_S = 12, 5.0


def test_workers_are_killed_for_a_minute(serve: Callable[..., object], call: Callable[..., object], home: Path) -> None:
    chance = random.Random(0)
    with serve(home, "--port", "0", "--workers", "2") as server, call(server.address) as history:
        for _ in range(KILLS):
            os.kill(chance.choice(sorted(server.workers())), signal.SIGKILL)
            time.sleep(EVERY_S)
        assert server.process.poll() is None
    assert history.failures() == []
    assert len(history.calls) > KILLS * EVERY_S * 10


def test_a_worker_is_told_to_end(serve: Callable[..., object], call: Callable[..., object], home: Path) -> None:
    with serve(home, "--port", "0", "--workers", "2") as server, call(server.address) as history:
        for gone in sorted(server.workers()):
            os.kill(gone, signal.SIGTERM)
            history.until(lambda gone=gone: gone not in server.workers() and len(server.workers()) == 2)
    assert history.failures() == []


def test_all_workers_are_replaced(serve: Callable[..., object], call: Callable[..., object], home: Path) -> None:
    with serve(home, "--port", "0", "--workers", "2") as server, call(server.address) as history:
        before = server.workers()
        server.process.send_signal(signal.SIGHUP)
        history.until(lambda: not before & server.workers() and len(server.workers()) == 2)
    assert history.failures() == []


def test_a_worker_that_hangs_costs_the_calls_it_holds(
    serve: Callable[..., object], call: Callable[..., object], home: Path
) -> None:
    with serve(home, "--port", "0", "--workers", "2") as server, call(server.address, timeout_s=1.0) as history:
        hung = min(server.workers())
        stopped_s = time.monotonic()
        os.kill(hung, signal.SIGSTOP)
        history.until(lambda: hung not in server.workers(), 5)
        time.sleep(max(0.0, stopped_s + 8 - time.monotonic()))
    assert {failure.code for failure in history.failures()} == {"DEADLINE_EXCEEDED"}
    later = history.since(stopped_s + 5)
    assert len(later.calls) > 20
    assert later.failures() == []


def test_with_time_to_wait_a_worker_that_hangs_costs_nothing(
    serve: Callable[..., object], call: Callable[..., object], home: Path
) -> None:
    with serve(home, "--port", "0", "--workers", "2") as server, call(server.address) as history:
        hung = min(server.workers())
        os.kill(hung, signal.SIGSTOP)
        history.until(lambda: hung not in server.workers(), 5)
    assert history.failures() == []

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from firstlight.errors import DeadlineError, InvalidInputError, UnavailableError
from firstlight.server import follower
from firstlight.server.follower import Follower


class Log:
    """A store's changes, and a recommender that applies them."""

    def __init__(self, *failures: Exception) -> None:
        self.token = 0
        self.written = 0
        self.calls = 0
        self._failures = list(failures)

    def last_token(self) -> int:
        return self.written

    def follow(self) -> int:
        self.calls += 1
        if self._failures:
            raise self._failures.pop(0)
        self.token = self.written
        return self.token


@asynccontextmanager
async def following(log: Log, interval_s: float) -> AsyncIterator[Follower]:
    with ThreadPoolExecutor(1) as executor:
        made = Follower(log, log, executor, interval_s=interval_s)
        made.start()
        yield made
        await made.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def test_it_looks_again_and_again() -> None:
    async def run() -> None:
        log = Log()
        async with following(log, 0.01):
            await until(lambda: log.calls > 3)

    asyncio.run(run())


def test_a_reader_wakes_it_and_waits() -> None:
    async def run() -> None:
        log = Log()
        async with following(log, 3600) as made:
            await until(lambda: log.calls == 1)
            log.written = 7
            began = time.monotonic()
            await made.reach(7, timeout_s=10)
            await made.reach(3, timeout_s=0)
            assert time.monotonic() - began < 5
            assert log.token == 7

    asyncio.run(run())


def test_it_survives_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "RETRY_S", 0.01)

    async def run() -> None:
        log = Log(UnavailableError("down"), ValueError("odd"))
        log.written = 1
        async with following(log, 3600):
            await until(lambda: log.token == 1)

    asyncio.run(run())


def test_tokens_that_cannot_be_reached() -> None:
    async def run() -> None:
        log = Log(*[UnavailableError("down")] * 1000)
        log.written = 5
        async with following(log, 3600) as made:
            with pytest.raises(InvalidInputError, match="never made here"):
                await made.reach(6, timeout_s=1)
            with pytest.raises(DeadlineError):
                await made.reach(5, timeout_s=0.05)

    asyncio.run(run())


def lags() -> tuple[float, float]:
    """How many, and their sum in seconds."""
    name = "firstlight_freshness_lag_seconds"
    return REGISTRY.get_sample_value(f"{name}_count"), REGISTRY.get_sample_value(f"{name}_sum")


def test_a_change_is_as_late_as_the_look_before_the_one_that_found_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "RETRY_S", 0.3)

    async def run() -> None:
        log = Log()
        count, seconds = lags()
        async with following(log, 0.1) as made:
            await until(lambda: log.calls >= 3)
            assert lags() == (count, seconds), "nothing was found"
            log.written, log._failures = 5, [UnavailableError("down")]
            await made.reach(5, timeout_s=5)
        found, total = lags()
        assert found == count + 1
        assert 0.3 <= total - seconds < 5, "the look that failed found nothing"

    asyncio.run(run())

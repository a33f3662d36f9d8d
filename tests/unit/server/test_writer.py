import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from firstlight.domain import Interaction
from firstlight.errors import ConflictError, UnavailableError
from firstlight.server import writer
from firstlight.server.writer import Writer
from firstlight.store import InteractionWrite, Store, open_store


class Watched:
    """A store whose writes are held back one by one, and seen."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.groups: list[list[str]] = []
        self.may_write = threading.Semaphore(0)
        self.failure: Exception | None = None

    def write_together(self, writes: Sequence[InteractionWrite]) -> list[object]:
        users = [one.user_id for write in writes for one in write.batch]
        self.groups.append(users)
        assert self.may_write.acquire(timeout=10)
        if self.failure:
            raise self.failure
        if "poison" in users:
            raise ValueError("poison")
        return list(self.store.write_together(writes))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Watched]:
    opened = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    yield Watched(opened)
    opened.close()


@asynccontextmanager
async def writing(store: Watched) -> AsyncIterator[Writer]:
    made = Writer(store)
    yield made
    store.may_write.release(100)
    made.close()


def write(*users: str, request_id: str = "") -> InteractionWrite:
    return InteractionWrite("default", [Interaction(user, "1", 1.0) for user in users], request_id)


async def waiting(made: Writer, *writes: InteractionWrite) -> list[asyncio.Task[object]]:
    """The writes, after the first one has begun."""
    tasks = []
    for each in writes:
        tasks.append(asyncio.create_task(made.interactions(each)))
        await asyncio.sleep(0.02)
    return tasks


def test_what_waits_is_written_together(store: Watched) -> None:
    async def run() -> None:
        async with writing(store) as made:
            tasks = await waiting(made, write("a"), write("b", "c"), write("d"))
            store.may_write.release(2)
            results = await asyncio.gather(*tasks)
            assert [one.written for one in results] == [1, 2, 1]
            assert store.groups == [["a"], ["b", "c", "d"]]
            assert results[1].write_token == results[2].write_token == store.store.last_token()

    asyncio.run(run())


def test_nothing_is_answered_before_it_is_committed(store: Watched) -> None:
    async def run() -> None:
        async with writing(store) as made:
            (task,) = await waiting(made, write("a"))
            await asyncio.sleep(0.1)
            assert not task.done()
            store.may_write.release()
            await task
            assert store.store.count_interactions("default") == 1

    asyncio.run(run())


def test_a_group_is_bounded(store: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST_TOGETHER", 3)

    async def run() -> None:
        async with writing(store) as made:
            tasks = await waiting(made, *[write(f"u{n}") for n in range(6)], write(*[f"v{n}" for n in range(5)]))
            store.may_write.release(9)
            await asyncio.gather(*tasks)
            assert [len(group) for group in store.groups] == [1, 3, 2, 5]

    asyncio.run(run())


def test_each_gets_its_own_failure(store: Watched) -> None:
    async def run() -> None:
        async with writing(store) as made:
            store.may_write.release()
            await made.interactions(write("u", request_id="r"))
            tasks = await waiting(made, write("a"), write("b"), write("poison"), write("c", request_id="r"), write("d"))
            store.may_write.release(9)
            a, b, poison, c, d = await asyncio.gather(*tasks, return_exceptions=True)
            assert [one.written for one in (a, b, d)] == [1, 1, 1]
            assert isinstance(poison, ValueError)
            assert isinstance(c, ConflictError)

    asyncio.run(run())


def test_a_store_that_does_not_answer_is_asked_once_for_all(store: Watched) -> None:
    async def run() -> None:
        async with writing(store) as made:
            tasks = await waiting(made, write("a"), write("b"), write("c"))
            store.failure = UnavailableError("down")
            store.may_write.release(9)
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(one) for one in found] == [UnavailableError] * 3
            assert len(store.groups) == 2
            store.failure = None
            assert (await made.interactions(write("d"))).written == 1

    asyncio.run(run())


def test_who_is_gone_is_not_written(store: Watched) -> None:
    async def run() -> None:
        async with writing(store) as made:
            tasks = await waiting(made, write("a"), write("gone"), write("b"))
            tasks[1].cancel()
            await asyncio.sleep(0)
            store.may_write.release(9)
            await asyncio.gather(tasks[0], tasks[2])
            assert store.groups == [["a"], ["b"]]

    asyncio.run(run())


def test_other_writes_take_their_turn_in_the_same_thread(store: Watched) -> None:
    async def run() -> None:
        async with writing(store) as made:
            (task,) = await waiting(made, write("a"))
            other = asyncio.create_task(made.run(threading.current_thread))
            await asyncio.sleep(0.05)
            assert not other.done()
            store.may_write.release()
            await task
            assert (await other).name.startswith("firstlight-writer")

    asyncio.run(run())


def measured(name: str) -> float:
    value = REGISTRY.get_sample_value(f"firstlight_{name}")
    assert value is not None
    return value


def test_transactions_are_measured_with_what_they_waited_for(store: Watched) -> None:
    async def run() -> None:
        async with writing(store) as made:
            count, seconds = (measured(f"transaction_seconds_{part}") for part in ("count", "sum"))
            tasks = await waiting(made, write("a"), write("b"), write("c"))
            await asyncio.sleep(0.2)
            store.may_write.release(2)
            await asyncio.gather(*tasks)
            assert measured("transaction_seconds_count") == count + 2
            assert 0.2 <= measured("longest_transaction_seconds") <= measured("transaction_seconds_sum") - seconds

    asyncio.run(run())

"""Who is answered together, and who is not."""

import asyncio
from collections.abc import Sequence

import pytest

from firstlight.domain import Query
from firstlight.errors import DeadlineError, InvalidInputError
from firstlight.logs import REQUEST_IDS
from firstlight.server import batching as batches
from firstlight.server.batching import LARGEST, Batching

SOON_S = 30.0


@pytest.fixture(autouse=True)
def wide_windows(monkeypatch):
    """Wide enough for a machine that is busy with something else."""
    monkeypatch.setattr(batches, "WINDOW_S", 0.1)


class Asked:
    """An answer is the user's id; a user called "bad" cannot be answered."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.batches: list[tuple[str, list[str]]] = []
        self._takes_s = takes_s

    async def __call__(self, catalog_id: str, queries: Sequence[Query], deadline: float) -> list[str]:
        users = [query.user_id for query in queries]
        self.batches.append((catalog_id, users))
        await asyncio.sleep(self._takes_s)
        if "bad" in users:
            raise InvalidInputError(f"queries[{users.index('bad')}] is bad")
        if "worse" in users:
            raise ZeroDivisionError
        return users


def call(batching, user, catalog_id="default", left_s=SOON_S):
    deadline = asyncio.get_running_loop().time() + left_s
    return asyncio.create_task(batching(catalog_id, Query(user_id=user), deadline))


async def busy(asked):
    """A server that has just answered."""
    batching = Batching(asked)
    await call(batching, "first")
    asked.batches.clear()
    return batching


def test_an_idle_server_answers_at_once():
    async def run():
        asked = Asked()
        batching = Batching(asked)
        assert await call(batching, "a") == "a"
        await asyncio.sleep(3 * batches.WINDOW_S)
        assert await call(batching, "b") == "b"
        assert asked.batches == [("default", ["a"]), ("default", ["b"])]

    asyncio.run(run())


def test_who_comes_while_another_is_answered_is_not_alone():
    async def run():
        asked = Asked()
        batching = Batching(asked)
        assert await asyncio.gather(*(call(batching, user) for user in "abc")) == list("abc")
        assert asked.batches == [("default", ["a"]), ("default", ["b", "c"])]

    asyncio.run(run())


def test_calls_of_a_busy_server_are_answered_together_by_catalogue():
    async def run():
        asked = Asked()
        batching = await busy(asked)
        calls = [call(batching, user) for user in "abc"] + [call(batching, user, "films") for user in "de"]
        assert await asyncio.gather(*calls) == list("abcde")
        assert sorted(asked.batches) == [("default", ["a", "b", "c"]), ("films", ["d", "e"])]

    asyncio.run(run())


def test_a_batch_is_not_too_large():
    async def run():
        asked = Asked()
        batching = await busy(asked)
        users = [f"user-{n}" for n in range(LARGEST + 5)]
        assert await asyncio.gather(*(call(batching, user) for user in users)) == users
        assert sorted(len(batch) for _, batch in asked.batches) == [5, LARGEST]

    asyncio.run(run())


def test_a_full_batch_waits_for_nobody(monkeypatch):
    async def run():
        asked = Asked()
        batching = await busy(asked)
        calls = [call(batching, f"user-{n}") for n in range(LARGEST)]
        async with asyncio.timeout(SOON_S):
            await asyncio.gather(*calls)
        assert [len(batch) for _, batch in asked.batches] == [LARGEST]

    monkeypatch.setattr(batches, "WINDOW_S", 10 * SOON_S)
    asyncio.run(run())


def test_after_a_full_batch_others_are_waited_for_longer():
    async def run():
        asked = Asked()
        batching = await busy(asked)
        await asyncio.gather(*(call(batching, f"user-{n}") for n in range(LARGEST)))
        await asyncio.sleep(0.2)  # a window would be over; that many callers come again over some time
        begun_s = asyncio.get_running_loop().time()
        await call(batching, "a")
        assert asyncio.get_running_loop().time() - begun_s >= 0.9 * 0.1 * batches.PATIENCE
        assert asked.batches[-1] == ("default", ["a"])

    asyncio.run(run())


@pytest.mark.parametrize(("name", "kind"), [("bad", InvalidInputError), ("worse", ZeroDivisionError)])
def test_an_error_reaches_its_caller(name, kind):
    async def run():
        asked = Asked()
        batching = await busy(asked)
        good, bad = call(batching, "good"), call(batching, name)
        with pytest.raises(kind) as caught:
            await bad
        if name == "bad":
            assert str(caught.value) == "queries[0] is bad"  # it was asked again, alone
            assert await good == "good"
        else:
            with pytest.raises(ZeroDivisionError):
                await good

    asyncio.run(run())


def test_who_has_gone_is_not_answered():
    async def run():
        asked = Asked()
        batching = await busy(asked)
        gone, here = call(batching, "gone"), call(batching, "here")
        await asyncio.sleep(0)
        gone.cancel()
        assert await here == "here"
        assert asked.batches == [("default", ["here"])]

    asyncio.run(run())


def test_who_is_in_a_hurry_waits_for_nobody():
    async def run():
        asked = Asked()
        batching = await busy(asked)
        calls = [call(batching, "a"), call(batching, "hurried", left_s=0.02), call(batching, "b")]
        await asyncio.gather(*calls)
        assert asked.batches == [("default", ["hurried"]), ("default", ["a", "b"])]

    asyncio.run(run())


def test_a_single_caller_seldom_waits():
    async def run():
        asked = Asked()
        batching = await busy(asked)
        loop = asyncio.get_running_loop()
        waits = []
        for n in range(batches.LONELY + 2 * batches.SKIPPED + 1):
            start = loop.time()
            await call(batching, f"user-{n}")
            waits.append(loop.time() - start > batches.WINDOW_S / 2)
        once = [True] + [False] * batches.SKIPPED
        assert waits == [True] * (batches.LONELY - 1) + once + once

    asyncio.run(run())


def test_the_log_names_all_calls_that_are_answered_together_and_each_its_own():
    seen = []

    class Noting(Asked):
        async def __call__(self, catalog_id, queries, deadline):
            seen.append(REQUEST_IDS.get())
            return await super().__call__(catalog_id, queries, deadline)

    async def identified(batching, user):
        REQUEST_IDS.set((f"call of {user}",))
        await batching("default", Query(user_id=user), asyncio.get_running_loop().time() + SOON_S)
        assert REQUEST_IDS.get() == (f"call of {user}",)

    async def run():
        batching = await busy(Noting())
        seen.clear()
        await asyncio.gather(identified(batching, "a"), identified(batching, "b"))

    asyncio.run(run())
    assert seen == [("call of a", "call of b")]


def test_who_waited_too_long_is_told_and_hurries_nobody(monkeypatch):
    async def run():
        asked = Asked(takes_s=0.5)
        batching = await busy(asked)
        expired, hurried, calm = call(batching, "a", left_s=0.35), call(batching, "b", left_s=0.6), call(batching, "c")
        with pytest.raises(DeadlineError):
            await expired
        assert await asyncio.gather(hurried, calm) == ["b", "c"]
        assert asked.batches == [("default", ["b"]), ("default", ["c"])]

    # Two windows: somebody comes along in the first one, and an answer takes longer than that.
    monkeypatch.setattr(batches, "WINDOW_S", 0.2)
    monkeypatch.setattr(batches, "HURRY_S", 0.3)
    asyncio.run(run())


def test_what_is_ahead_are_queries_whose_callers_wait():
    async def run():
        asked = Asked()
        batching = await busy(asked)
        assert batching.ahead == 0
        gone, here = call(batching, "gone"), call(batching, "here")
        await asyncio.sleep(0)
        assert batching.ahead == 2
        gone.cancel()
        await asyncio.sleep(0)
        assert batching.ahead == 1
        await here
        assert batching.ahead == 0

    asyncio.run(run())

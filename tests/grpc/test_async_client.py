import asyncio

import pytest

from firstlight.client import AsyncClient, Client, query
from firstlight.errors import InvalidInputError, NotFoundError

pytestmark = pytest.mark.xdist_group("grpc")


def test_it_answers_what_the_blocking_client_answers(client: Client, server: object) -> None:
    async def run() -> None:
        async with AsyncClient.connect(server.address, timeout_s=20) as waiting:
            assert await waiting.health() == "SERVING"
            answers = await asyncio.gather(*(waiting.recommend("user-5", limit=n) for n in range(1, 6)))
            assert [len(answer.items) for answer in answers] == [1, 2, 3, 4, 5]
            assert answers[4].items == client.recommend("user-5", limit=5).items
            (answer,) = await waiting.batch_recommend([query("user-5", limit=5)])
            assert answer.items == answers[4].items

            shelf = waiting.with_options(catalog_id="async-shelf")
            await shelf.upsert_items({f"i{n}": {} for n in range(5)})
            assert [item.item_id async for item in shelf.list_items(page_size=2)] == [f"i{n}" for n in range(5)]

            with pytest.raises(InvalidInputError, match=r"query\.limit"):
                await waiting.recommend(limit=-1)
            with pytest.raises(NotFoundError):
                [job async for job in waiting.watch_training_job("none")]

    asyncio.run(run())


def test_many_calls_at_once_are_answered_as_one_by_one(client: Client, server: object) -> None:
    asked = [(f"user-{n}", {"age": 20 + n, "taste": "calm"}, 3 + n % 20) for n in range(60)]

    async def run() -> list[object]:
        async with AsyncClient.connect(server.address, timeout_s=20) as waiting:
            calls = (waiting.recommend(user, profile=profile, limit=limit) for user, profile, limit in asked)
            wrong = waiting.recommend("user-1", profile={"age": "not a number"})
            *answers, error = await asyncio.gather(*calls, wrong, return_exceptions=True)
            assert isinstance(error, InvalidInputError)
            assert "query.profile.age" in str(error)
            return answers

    # First, so that what is stored about the users is in memory: together they might not get it in time.
    single = [client.recommend(user, profile=profile, limit=limit) for user, profile, limit in asked]
    for alone, answer in zip(single, asyncio.run(run()), strict=True):
        assert list(answer.degraded) == list(alone.degraded)
        assert [item.item_id for item in answer.items] == [item.item_id for item in alone.items]
        assert [item.score for item in answer.items] == pytest.approx([i.score for i in alone.items], abs=1e-5)
        assert [item.reason_text for item in answer.items] == [item.reason_text for item in alone.items]


def test_several_addresses(server: object) -> None:
    with Client.connect(server.address, server.address, timeout_s=20) as both:
        assert both.recommend().items
        assert both.address == f"{server.address}, {server.address}"

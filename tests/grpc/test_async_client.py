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


def test_several_addresses(server: object) -> None:
    with Client.connect(server.address, server.address, timeout_s=20) as both:
        assert both.recommend().items
        assert both.address == f"{server.address}, {server.address}"

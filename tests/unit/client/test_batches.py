import asyncio
from typing import Any

import pytest

from firstlight.client import AsyncClient, Client, Written
from firstlight.client.batches import batches
from firstlight.v1.interaction_service_pb2 import BatchWriteInteractionsResponse


def interactions(count: int) -> list[dict[str, Any]]:
    return [{"user_id": f"u{n}", "item_id": "i"} for n in range(count)]


def test_batches_have_their_size_their_order_and_their_own_request_ids() -> None:
    requests = [call.request for call in batches(interactions(5), 2)]
    assert [[i.user_id for i in request.interactions] for request in requests] == [["u0", "u1"], ["u2", "u3"], ["u4"]]
    assert len({request.request_id for request in requests}) == 3


def test_a_generator_is_read_a_batch_at_a_time() -> None:
    read = []
    calls = batches((read.append(n) or each for n, each in enumerate(interactions(9))), 3)
    next(calls)
    assert read == [0, 1, 2]


@pytest.mark.parametrize("size", [0, -1, 10_001])
def test_sizes_that_no_call_can_have(size: int) -> None:
    with pytest.raises(ValueError, match="batch_size must be 1 to 10,000"):
        list(batches([], size))


def test_answers_are_summed() -> None:
    answers = [BatchWriteInteractionsResponse(write_token=f"t{n}", written_count=n, unchanged_count=1) for n in (2, 3)]

    class Sending(Client):
        def _send(self, call: Any) -> Any:
            return answers[len(call.request.interactions) - 1]

    class AsyncSending(AsyncClient):
        async def _send(self, call: Any) -> Any:
            return answers[len(call.request.interactions) - 1]

    client = Sending(None, address="")  # type: ignore[arg-type]
    assert client.write_all(interactions(3), batch_size=2) == Written("t2", 5, 2)
    assert client.write_all([]) == Written()
    waiting = AsyncSending(None, address="")  # type: ignore[arg-type]
    assert asyncio.run(waiting.write_all(interactions(3), batch_size=2)) == Written("t2", 5, 2)

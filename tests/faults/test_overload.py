"""More is asked than can be answered: some are answered in time, the others are told when to come back."""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from firstlight.client import Client
from firstlight.client.channel import channel_options
from firstlight.v1.interaction_pb2 import Interaction
from firstlight.v1.interaction_service_pb2 import BatchWriteInteractionsRequest
from firstlight.v1.interaction_service_pb2_grpc import InteractionServiceStub
from firstlight.v1.recommendation_pb2 import Query
from firstlight.v1.recommendation_service_pb2 import RecommendRequest
from firstlight.v1.recommendation_service_pb2_grpc import RecommendationServiceStub

PLUGIN = "slow_enough"
SLOW = """
import threading
import time
import numpy as np
from firstlight import hookimpl

class Slow:
    one_at_a_time = threading.Lock()

    def rerank(self, queries, positions, values):
        with self.one_at_a_time:
            time.sleep(0.01 * len(positions))
        return np.tile(np.arange(positions.shape[1]), (len(positions), 1))

@hookimpl
def firstlight_register_reranker(register):
    register("slow", Slow)
"""
PEAK, TIMES, SECONDS, DEADLINE_S = 100, 4, 8.0, 1.0
"""Answers a second that the plugin leaves time for at most, and how many times that is asked."""

CHANNELS = 16


def channel(address: str) -> grpc.aio.Channel:
    """A connection of its own, without retries: each refusal is seen."""
    return grpc.aio.insecure_channel(address, [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)])


async def overload(address: str) -> tuple[Counter[str], list[float], list[object], list[str]]:
    """Calls by status, seconds of those that were answered, push-backs in ms, and what else was asked."""
    codes, took_s, push_backs, beside = Counter(), [], [], []
    channels = [channel(address) for _ in range(CHANNELS)]
    stubs = [RecommendationServiceStub(each) for each in channels]
    chance = random.Random(0)

    async def recommend(number: int) -> None:
        began_s = time.monotonic()
        request = RecommendRequest(query=Query(user_id=f"user-{number % 20}", limit=5))
        try:
            await stubs[number % CHANNELS].Recommend(request, timeout=DEADLINE_S)
            codes["OK"] += 1
            took_s.append(time.monotonic() - began_s)
        except grpc.aio.AioRpcError as error:
            codes[error.code().name] += 1
            if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                push_backs.append(dict(error.trailing_metadata()).get("grpc-retry-pushback-ms"))

    async def ask_else() -> None:
        # As clients do, those who ask for something else repeat a call that gRPC refused along with the others.
        options = [*channel_options(wait_for_ready=False), ("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(address, options) as other:
            health, writes = health_pb2_grpc.HealthStub(other), InteractionServiceStub(other)
            while True:
                found = await health.Check(health_pb2.HealthCheckRequest(), timeout=10)
                beside.append(health_pb2.HealthCheckResponse.ServingStatus.Name(found.status))
                one = Interaction(user_id=f"writer-{len(beside)}", item_id="item-02")
                written = await writes.BatchWriteInteractions(
                    BatchWriteInteractionsRequest(interactions=[one]), timeout=10
                )
                beside.append(f"{written.written_count} written")
                await asyncio.sleep(0.2)

    asking = asyncio.create_task(ask_else())
    calls, end = [], time.monotonic() + SECONDS
    while time.monotonic() < end:
        calls.append(asyncio.create_task(recommend(len(calls))))
        await asyncio.sleep(chance.expovariate(TIMES * PEAK))
    await asyncio.gather(*calls)
    asking.cancel()
    await asyncio.gather(*(each.close() for each in channels))
    return codes, took_s, push_backs, beside


@pytest.fixture
def slow_home(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / f"{PLUGIN}.py").write_text(SLOW)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("FIRSTLIGHT_LOAD_PLUGINS", PLUGIN)
    monkeypatch.setenv("FIRSTLIGHT_TRUSTED_PLUGINS", PLUGIN)
    return home


def test_four_times_as_many_calls_as_can_be_answered(serve: Callable[..., object], slow_home: Path) -> None:
    with serve(slow_home, "--port", "0") as server:
        before = server.workers()
        with Client.connect(server.address, timeout_s=10) as client:
            for _ in range(20):
                assert client.recommend("user-1", limit=5).items
        codes, took_s, push_backs, beside = asyncio.run(overload(server.address))
        asked = codes.total()
        assert codes["OK"] > PEAK * SECONDS / 4, codes
        assert max(took_s) <= DEADLINE_S + 1.0  # its own loop may be late
        assert codes["RESOURCE_EXHAUSTED"] > 0, codes
        refused = codes["RESOURCE_EXHAUSTED"] + codes["CANCELLED"]
        assert refused > asked / 4, codes
        assert all(push_back is not None and int(push_back) >= 1000 for push_back in push_backs)
        assert codes["DEADLINE_EXCEEDED"] <= refused / 3, codes  # hardly anybody waits for nothing, on a busy machine
        assert set(beside) == {"SERVING", "1 written"}
        assert len(beside) > 10
        time.sleep(2)
        with Client.connect(server.address, timeout_s=1) as client:
            for _ in range(20):
                assert not client.recommend("user-1", limit=5).degraded
        assert server.workers() == before

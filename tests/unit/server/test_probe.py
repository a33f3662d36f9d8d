"""A worker that calls itself finds out for how long calls wait, and how many gRPC refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import grpc.aio
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from firstlight.server.calls import CallInterceptor
from firstlight.server.probe import own_address, probe

pytestmark = pytest.mark.skipif(own_address() is None, reason="no abstract sockets")

HELD_UP_S = 0.4
MAY_WAIT, CALLS = 4, 60


@asynccontextmanager
async def probed() -> AsyncIterator[SimpleNamespace]:
    """A server that is probed; calls beyond a few may not wait."""
    options = [(f"grpc.server.max_pending_requests{which}", MAY_WAIT) for which in ("", "_hard_limit")]
    calls, address = CallInterceptor(), own_address()
    found = SimpleNamespace(delays_s=[], refused=0)

    def measured(delay_s: float, refused: int) -> None:
        found.delays_s.append(delay_s)
        found.refused += refused

    server = grpc.aio.server(interceptors=[calls], options=options)
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    found.port = server.add_insecure_port("127.0.0.1:0")
    server.add_insecure_port(address)
    await server.start()
    probing = asyncio.create_task(probe(address, lambda: calls.taken, measured))
    yield found
    probing.cancel()
    with suppress(asyncio.CancelledError):
        await probing
    await server.stop(None)


def test_what_holds_up_the_loop_is_part_of_the_delay() -> None:
    async def run() -> list[float]:
        async with probed() as found:
            await asyncio.sleep(0.35)
            time.sleep(HELD_UP_S)  # that is the point
            await asyncio.sleep(0.3)
            assert found.refused == 0
            return found.delays_s

    delays_s = asyncio.run(run())
    assert min(delays_s) < 0.1
    assert HELD_UP_S / 2 < max(delays_s) < 2 * HELD_UP_S, "due while nothing could begin"


def test_calls_that_grpc_refused_are_counted() -> None:
    async def run() -> None:
        options = [("grpc.enable_retries", 0)]
        async with probed() as found, grpc.aio.insecure_channel(f"127.0.0.1:{found.port}", options) as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            await check(health_pb2.HealthCheckRequest())
            calls = [check(health_pb2.HealthCheckRequest()) for _ in range(CALLS)]
            await asyncio.sleep(0.01)
            time.sleep(HELD_UP_S)  # nobody takes them in
            codes = [await call.code() for call in calls]
            await asyncio.sleep(0.5)
            cancelled = codes.count(grpc.StatusCode.CANCELLED)
            assert cancelled > 0
            assert cancelled / 2 <= found.refused <= cancelled

    asyncio.run(run())

"""A worker that calls itself finds out for how long calls wait."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import grpc.aio
import pytest
from grpc_health.v1 import health, health_pb2_grpc

from firstlight.server.probe import own_address, probe

HELD_UP_S = 0.4


@pytest.mark.skipif(own_address() is None, reason="no abstract sockets")
def test_what_holds_up_the_loop_is_part_of_the_delay() -> None:
    async def measured() -> list[float]:
        address, found = own_address(), []
        server = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
        server.add_insecure_port(address)
        await server.start()
        probing = asyncio.create_task(probe(address, found.append))
        await asyncio.sleep(0.35)
        time.sleep(HELD_UP_S)  # that is the point
        await asyncio.sleep(0.3)
        probing.cancel()
        with suppress(asyncio.CancelledError):
            await probing
        await server.stop(None)
        return found

    delays = asyncio.run(measured())
    assert min(delays) < 0.1
    assert HELD_UP_S / 2 < max(delays) < 2 * HELD_UP_S, "due while nothing could begin"

"""How long a call waits at a port before the worker takes it in, measured by calling.

Calls wait within gRPC and in the event loop, where no interceptor sees them. A worker therefore calls itself through
the same gRPC server, by a socket that nobody else has, since others listen on the port too.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Callable

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

INTERVAL_S = 0.1
"""Between one call and the next: about 1 % of a core."""

REFUSED_S = 0.25
"""What counts as the delay of a call that gRPC did not let wait."""

PATIENCE_S = 2.0
"""A delay that is longer counts as this."""


def own_address() -> str | None:
    """For a gRPC server to listen on beside its port; None where the system has no such sockets."""
    return f"unix-abstract:firstlight-{os.getpid()}-{secrets.token_hex(8)}" if sys.platform == "linux" else None


async def probe(address: str, measured: Callable[[float], None]) -> None:
    """Tell ``measured`` again and again, until cancelled, after how many seconds a call to ``address`` is answered."""
    async with grpc.aio.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest()
        due = time.monotonic()
        while True:
            due = max(due + INTERVAL_S, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            code = grpc.StatusCode.OK
            try:
                await health.Check(request, timeout=PATIENCE_S)
            except grpc.aio.AioRpcError as error:
                code = error.code()
            if code in (grpc.StatusCode.OK, grpc.StatusCode.DEADLINE_EXCEEDED):
                measured(time.monotonic() - due)  # not since it began: while the loop is held up nothing begins
            elif code is grpc.StatusCode.CANCELLED:  # by gRPC, as more calls wait than may
                measured(REFUSED_S)

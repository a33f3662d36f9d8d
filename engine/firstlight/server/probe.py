"""How long a call waits at a port before the worker takes it in, measured by calling, and how many gRPC refused.

Calls wait within gRPC and in the event loop, where no interceptor sees them. A worker therefore calls itself through
the same gRPC server, by a socket that nobody else has, since others listen on the port too. Calls wait in line: those
that reached the server before such a one, and were not taken in when it is answered, never will be.
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
from grpc_channelz.v1.channelz import ChannelzServicer  # type: ignore[attr-defined]  # its stubs lack it
from grpc_channelz.v1.channelz_pb2 import GetServersRequest
from grpc_health.v1 import health_pb2, health_pb2_grpc

INTERVAL_S = 0.1
"""Between one call and the next: about 1 % of a core."""

PATIENCE_S = 2.0
"""A delay that is longer counts as this, and so does that of a call that gRPC did not let wait."""


def own_address() -> str | None:
    """For a gRPC server to listen on beside its port; None where the system has no such sockets."""
    return f"unix-abstract:firstlight-{os.getpid()}-{secrets.token_hex(8)}" if sys.platform == "linux" else None


def begun(address: str) -> int:
    """Calls that reached the gRPC server that listens on ``address``, as gRPC itself counts them."""
    servers = ChannelzServicer.GetServers(GetServersRequest(), None).server
    return sum(one.data.calls_started for one in servers if any(address in at.name for at in one.listen_socket))


async def probe(address: str, taken: Callable[[], int], measured: Callable[[float, int], None]) -> None:
    """Tell ``measured`` again and again, until cancelled, how long calls to ``address`` wait and how many were refused.

    ``taken``: how many were taken in, since the server began. ``measured(delay_s, refused)``: refused since the last.
    """
    async with grpc.aio.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest()
        due, known = time.monotonic(), 0
        while True:
            due = max(due + INTERVAL_S, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            code, before = grpc.StatusCode.OK, begun(address)
            try:
                await health.Check(request, timeout=PATIENCE_S)
            except grpc.aio.AioRpcError as error:
                code = error.code()
            if code is grpc.StatusCode.OK:
                # Some of those taken in came after the others were counted, so that this is the least it can be.
                refused = max(known, before + 1 - taken())
                measured(time.monotonic() - due, refused - known)  # not since it began: a held-up loop begins nothing
                known = refused
            elif code in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
                measured(PATIENCE_S, 0)

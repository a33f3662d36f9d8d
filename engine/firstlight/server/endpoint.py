"""One port of a worker: a gRPC server with all services, health and reflection."""

from __future__ import annotations

import asyncio
from functools import partial

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from firstlight.server.backend import Backend
from firstlight.server.calls import CallInterceptor
from firstlight.server.interceptor import StatusInterceptor
from firstlight.server.measuring import Measured
from firstlight.server.probe import own_address, probe
from firstlight.server.request_ids import Identified
from firstlight.server.services import SERVICE_NAMES, add_services
from firstlight.settings import ServeSettings

SHORTEST_PING_INTERVAL_MS = 10_000
"""Clients may send keepalive pings this often; ours do every 30 s."""


class Endpoint:
    """Listens on ``address``, ``host:port``; others may listen on the same port (SO_REUSEPORT)."""

    def __init__(self, backend: Backend, address: str) -> None:
        serve = backend.settings.serve
        traced = [backend.tracing.around] if backend.tracing else []
        measured = [] if serve.metrics_port is None else [Measured]
        self._calls = CallInterceptor(Identified, *traced, *measured)
        self._server = grpc.aio.server(interceptors=[self._calls, StatusInterceptor()], options=_options(serve))
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # untyped
        add_services(self._server, backend)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (*SERVICE_NAMES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        self.port: int = self._server.add_insecure_port(address)
        self._probe_address = own_address()
        if self._probe_address:
            self._server.add_insecure_port(self._probe_address)
        self._measured = partial(backend.fence.measured, address)
        self._probing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Answer from now on."""
        await self._server.start()
        if self._probe_address:
            self._probing = asyncio.create_task(probe(self._probe_address, lambda: self._calls.taken, self._measured))
        for name in ("", *SERVICE_NAMES):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def report_not_serving(self) -> None:
        """Whoever checks health calls somebody else from now on."""
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace_s: float) -> None:
        """Close the port, and let running calls finish."""
        if self._probing:
            self._probing.cancel()
        await self._server.stop(grace_s)


def _options(serve: ServeSettings) -> list[tuple[str, int]]:
    size = serve.max_message_mb * 1024 * 1024
    return [
        ("grpc.max_receive_message_length", size),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 1),
        ("grpc.enable_channelz", 1),
        ("grpc.max_concurrent_streams", serve.max_concurrent_streams),
        ("grpc.server.max_pending_requests", serve.max_pending_requests),
        ("grpc.server.max_pending_requests_hard_limit", round(1.2 * serve.max_pending_requests)),
        ("grpc.max_connection_age_ms", round(serve.max_connection_age_s * 1000)),
        ("grpc.max_connection_age_grace_ms", round(serve.max_connection_age_grace_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", SHORTEST_PING_INTERVAL_MS),
    ]

"""One gRPC server around one backend: options, services, health, reflection, an orderly end."""

from __future__ import annotations

import asyncio

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from firstlight.server.backend import Backend
from firstlight.server.handshake import Drain
from firstlight.server.interceptor import StatusInterceptor
from firstlight.server.services import SERVICE_NAMES, add_services
from firstlight.settings import ServeSettings

SHORTEST_PING_INTERVAL_MS = 10_000
"""Clients may send keepalive pings this often."""


class App:
    """A server of all services. ``address`` is ``host:port``; others may listen on the same port (SO_REUSEPORT)."""

    def __init__(self, backend: Backend, address: str) -> None:
        self._backend = backend
        self._serve = backend.settings.serve
        self._server = grpc.aio.server(interceptors=[StatusInterceptor()], options=_options(self._serve))
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # untyped
        add_services(self._server, backend)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (*SERVICE_NAMES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        self.port: int = self._server.add_insecure_port(address)

    async def start(self) -> None:
        """Answer from now on."""
        await self._server.start()
        for name in ("", *SERVICE_NAMES):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._backend.follower.start()

    async def stop(self, drain: Drain = Drain.EVERYWHERE) -> None:
        """Report NOT_SERVING where nobody follows and let callers notice, let running calls finish, then end."""
        if drain is Drain.EVERYWHERE:
            await self._health.enter_graceful_shutdown()
            await asyncio.sleep(self._serve.drain_delay_s)
        self._backend.draining.set()
        await self._server.stop(self._serve.drain_timeout_s)
        await self._backend.close()


def _options(serve: ServeSettings) -> list[tuple[str, int]]:
    size = serve.max_message_mb * 1024 * 1024
    return [
        ("grpc.max_receive_message_length", size),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 1),
        ("grpc.max_connection_age_ms", round(serve.max_connection_age_s * 1000)),
        ("grpc.max_connection_age_grace_ms", round(serve.max_connection_age_grace_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", SHORTEST_PING_INTERVAL_MS),
    ]

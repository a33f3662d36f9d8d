"""A worker's ports around one backend, and their orderly end."""

from __future__ import annotations

import asyncio

from firstlight.server.backend import Backend
from firstlight.server.endpoint import Endpoint
from firstlight.server.handshake import Drain


class App:
    """All services on the shared ``address`` and, where there is one, on ``own_address``, which no other worker has.

    They are two servers, for each tells its own health.
    """

    def __init__(self, backend: Backend, address: str, own_address: str = "") -> None:
        self._backend = backend
        self._shared = Endpoint(backend, address)
        self._own = [Endpoint(backend, own_address)] if own_address else []
        self.port = self._shared.port

    async def start(self) -> None:
        """Answer from now on."""
        for endpoint in (self._shared, *self._own):
            await endpoint.start()
        self._backend.follower.start()

    async def stop(self, drain: Drain = Drain.EVERYWHERE) -> None:
        """Report NOT_SERVING as ``drain`` says and let callers notice, let running calls finish, then end."""
        serve = self._backend.settings.serve
        reporting = {Drain.EVERYWHERE: [self._shared, *self._own], Drain.OWN_PORT: self._own, Drain.SILENTLY: []}[drain]
        if reporting:
            await asyncio.gather(*(endpoint.report_not_serving() for endpoint in reporting))
            await asyncio.sleep(serve.drain_delay_s)
        self._backend.draining.set()
        await asyncio.gather(*(endpoint.stop(serve.drain_timeout_s) for endpoint in (self._shared, *self._own)))
        await self._backend.close()

"""The asyncio client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import grpc
import grpc.aio

from firstlight.client import calls
from firstlight.client.batches import Written, batches
from firstlight.client.calls import Call
from firstlight.client.channel import connection
from firstlight.client.failures import to_error
from firstlight.client.health import CHECK, read_status
from firstlight.v1.interaction_pb2 import Interaction

P = ParamSpec("P")
T = TypeVar("T")


def _unary(build: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncClient, P], Awaitable[T]]:
    """A method that sends the call ``build`` makes of its arguments."""

    @wraps(build)
    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        call = build(*args, **kwargs)
        return call.pick(await self._send(call))

    return method


def _paged(build: Callable[P, Call[Sequence[T]]]) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[T]]:
    """A method that yields the elements of every page, fetched as they are needed."""

    @wraps(build)
    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        call = build(*args, **kwargs)
        request: Any = call.request
        while True:
            response = await self._send(call)
            for element in call.pick(response):
                yield element
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    return method


def _streamed(build: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[T]]:
    """A method that yields what the server sends until it ends."""

    @wraps(build)
    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        call = build(*args, **kwargs)
        stream: Any = self._channel.unary_stream(
            call.path,
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=call.response.FromString,
        )(self._addressed(call), metadata=self._metadata)
        try:
            async for response in stream:
                yield call.pick(response)
        except grpc.RpcError as failure:
            raise to_error(failure, address=self.address, timeout_s=None) from failure
        finally:
            stream.cancel()  # a caller who stops early stops the server too

    return method


class AsyncClient:
    """Calls one server, or several in turn, and awaits the answers. For one event loop.

    ``catalog_id`` and ``timeout_s`` (seconds for one call with its retries) apply to every call;
    :meth:`with_options` changes them.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        address: str,
        catalog_id: str = "",
        timeout_s: float = 10.0,
        metadata: Sequence[tuple[str, str]] = (),
        probe: Callable[[], grpc.aio.Channel] | None = None,
    ) -> None:
        """``probe`` opens a channel for :meth:`health`, by default ``channel`` itself."""
        self._channel = channel
        self.address = address
        self.catalog_id = catalog_id
        self.timeout_s = timeout_s
        self._metadata = tuple(metadata)
        self._probe = probe

    @classmethod
    def connect(
        cls,
        *addresses: str,
        catalog_id: str = "",
        timeout_s: float = 10.0,
        wait_for_ready: bool = True,
        check_health: bool = True,
        tls: bool = False,
        ca_file: str | Path | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        bearer_token: str = "",
    ) -> Self:
        """A client of the server at ``addresses``, each ``host:port``. Does not wait: the first call connects.

        ``wait_for_ready``: a call waits for the server until its timeout; otherwise an unreachable one fails at once.
        ``check_health``: of several servers, those that report NOT_SERVING are left out. A lone one is always called.
        ``tls`` trusts the system's certificates, ``ca_file`` those in a file; ``credentials`` can do all else, such as
        a client certificate. ``bearer_token`` goes with every call, and without TLS only to this machine.
        """
        opened = connection(
            addresses,
            wait_for_ready=wait_for_ready,
            tls=tls,
            ca_file=ca_file,
            credentials=credentials,
            bearer_token=bearer_token,
        )
        return cls(
            opened.open(grpc.aio, check_health=check_health and len(addresses) > 1),
            address=", ".join(addresses),
            catalog_id=catalog_id,
            timeout_s=timeout_s,
            metadata=opened.metadata,
            probe=partial(opened.open, grpc.aio, check_health=False),
        )

    def with_options(self, *, catalog_id: str | None = None, timeout_s: float | None = None) -> AsyncClient:
        """A client with other options on the same connection."""
        return AsyncClient(
            self._channel,
            address=self.address,
            catalog_id=self.catalog_id if catalog_id is None else catalog_id,
            timeout_s=self.timeout_s if timeout_s is None else timeout_s,
            metadata=self._metadata,
            probe=self._probe,
        )

    async def close(self) -> None:
        """Close the connection, also for clients from :meth:`with_options`."""
        await self._channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    recommend = _unary(calls.recommend)
    batch_recommend = _unary(calls.batch_recommend)
    rank = _unary(calls.rank)
    similar_items = _unary(calls.similar_items)

    get_item = _unary(calls.get_item)
    list_items = _paged(calls.list_items)
    upsert_items = _unary(calls.upsert_items)
    delete_items = _unary(calls.delete_items)

    get_user = _unary(calls.get_user)
    list_users = _paged(calls.list_users)
    upsert_users = _unary(calls.upsert_users)
    delete_users = _unary(calls.delete_users)

    write_interactions = _unary(calls.write_interactions)

    async def write_all(
        self, interactions: Iterable[Interaction | Mapping[str, Any]], *, batch_size: int = 1_000
    ) -> Written:
        """Write any number of interactions, at most ``batch_size`` (up to 10,000) in one call; the sum of the answers.

        Each batch has a request id of its own, so its retries write nothing twice. A failure ends the writing; the
        batches before it stay written, and writing them again changes nothing.
        """
        total = Written()
        for call in batches(interactions, batch_size):
            total = total.plus(await self._send(call))
        return total

    get_bundle = _unary(calls.get_bundle)
    list_bundles = _paged(calls.list_bundles)
    activate_bundle = _unary(calls.activate_bundle)
    roll_back_bundle = _unary(calls.roll_back_bundle)

    create_training_job = _unary(calls.create_training_job)
    get_training_job = _unary(calls.get_training_job)
    list_training_jobs = _paged(calls.list_training_jobs)
    cancel_training_job = _unary(calls.cancel_training_job)
    watch_training_job = _streamed(calls.watch_training_job)

    list_plugins = _paged(calls.list_plugins)

    async def health(self) -> str:
        """``SERVING`` or ``NOT_SERVING``, by grpc.health.v1, also where other calls leave the server out."""
        channel = self._probe() if self._probe else self._channel
        check = channel.unary_unary(CHECK, None, None)
        try:
            return read_status(await check(b"", timeout=self.timeout_s, metadata=self._metadata))
        except grpc.RpcError as failure:
            raise to_error(failure, address=self.address, timeout_s=self.timeout_s) from failure
        finally:
            if channel is not self._channel:
                await channel.close(None)

    async def _send(self, call: Call[Any]) -> Any:
        method = self._channel.unary_unary(
            call.path,
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=call.response.FromString,
        )
        try:
            return await method(self._addressed(call), timeout=self.timeout_s, metadata=self._metadata)
        except grpc.RpcError as failure:
            raise to_error(failure, address=self.address, timeout_s=self.timeout_s) from failure

    def _addressed(self, call: Call[Any]) -> Any:
        if "catalog_id" in call.request.DESCRIPTOR.fields_by_name:
            call.request.catalog_id = self.catalog_id  # type: ignore[attr-defined]  # checked in the line above
        return call.request

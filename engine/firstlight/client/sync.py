"""The blocking client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import grpc

from firstlight.client import calls
from firstlight.client.calls import Call
from firstlight.client.channel import channel_options, channel_target
from firstlight.client.failures import to_error
from firstlight.client.health import CHECK, read_status

P = ParamSpec("P")
T = TypeVar("T")


def _unary(build: Callable[P, Call[T]]) -> Callable[Concatenate[Client, P], T]:
    """A method that sends the call ``build`` makes of its arguments."""

    @wraps(build)
    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        call = build(*args, **kwargs)
        return call.pick(self._send(call))

    return method


def _paged(build: Callable[P, Call[Sequence[T]]]) -> Callable[Concatenate[Client, P], Iterator[T]]:
    """A method that yields the elements of every page, fetched as they are needed."""

    @wraps(build)
    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        call = build(*args, **kwargs)
        request: Any = call.request
        while True:
            response = self._send(call)
            yield from call.pick(response)
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    return method


def _streamed(build: Callable[P, Call[T]]) -> Callable[Concatenate[Client, P], Iterator[T]]:
    """A method that yields what the server sends until it ends."""

    @wraps(build)
    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        call = build(*args, **kwargs)
        try:
            for response in self._channel.unary_stream(
                call.path,
                request_serializer=type(call.request).SerializeToString,
                response_deserializer=call.response.FromString,
            )(self._addressed(call)):
                yield call.pick(response)
        except grpc.RpcError as failure:
            raise to_error(failure, address=self.address, timeout_s=None) from failure

    return method


class Client:
    """Calls one server, or several in turn, and waits for the answers. Safe to share between threads.

    ``catalog_id`` and ``timeout_s`` (seconds for one call with its retries) apply to every call;
    :meth:`with_options` changes them.
    """

    def __init__(self, channel: grpc.Channel, *, address: str, catalog_id: str = "", timeout_s: float = 10.0) -> None:
        self._channel = channel
        self.address = address
        self.catalog_id = catalog_id
        self.timeout_s = timeout_s

    @classmethod
    def connect(
        cls,
        *addresses: str,
        catalog_id: str = "",
        timeout_s: float = 10.0,
        wait_for_ready: bool = True,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> Self:
        """A client of the server at ``addresses``, each ``host:port``. Does not wait: the first call connects.

        ``wait_for_ready``: a call waits for the server until its timeout; otherwise an unreachable one fails at once.
        """
        target, options = channel_target(addresses), channel_options(wait_for_ready=wait_for_ready)
        opened = (
            grpc.secure_channel(target, credentials, options) if credentials else grpc.insecure_channel(target, options)
        )
        return cls(opened, address=", ".join(addresses), catalog_id=catalog_id, timeout_s=timeout_s)

    def with_options(self, *, catalog_id: str | None = None, timeout_s: float | None = None) -> Client:
        """A client with other options on the same connection."""
        return Client(
            self._channel,
            address=self.address,
            catalog_id=self.catalog_id if catalog_id is None else catalog_id,
            timeout_s=self.timeout_s if timeout_s is None else timeout_s,
        )

    def close(self) -> None:
        """Close the connection, also for clients from :meth:`with_options`."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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

    def health(self) -> str:
        """``SERVING`` or ``NOT_SERVING``, by grpc.health.v1."""
        try:
            return read_status(self._channel.unary_unary(CHECK, None, None)(b"", timeout=self.timeout_s))
        except grpc.RpcError as failure:
            raise to_error(failure, address=self.address, timeout_s=self.timeout_s) from failure

    def _send(self, call: Call[Any]) -> Any:
        method = self._channel.unary_unary(
            call.path,
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=call.response.FromString,
        )
        try:
            return method(self._addressed(call), timeout=self.timeout_s)
        except grpc.RpcError as failure:
            raise to_error(failure, address=self.address, timeout_s=self.timeout_s) from failure

    def _addressed(self, call: Call[Any]) -> Any:
        if "catalog_id" in call.request.DESCRIPTOR.fields_by_name:
            call.request.catalog_id = self.catalog_id  # type: ignore[attr-defined]  # checked in the line above
        return call.request

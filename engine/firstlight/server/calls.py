"""Puts something around every call of ours, such as what measures it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

import grpc
import grpc.aio

from firstlight.pipeline import Timing
from firstlight.server.interceptor import OURS

TIMINGS: ContextVar[list[Timing] | None] = ContextVar("timings", default=None)
"""The stages of the call that is being answered, where somebody wants them."""

Around = Callable[[str, Any], AbstractContextManager[None]]
"""``around(method, context)``, entered when a call of ``method``, ``package.Service/Method``, begins, and left when it
ends."""


class CallInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # not generic where it runs
    """Wraps every method of ours, from outside the interceptor that gives a failed call its status."""

    def __init__(self, *arounds: Around) -> None:
        """The first of ``arounds`` is the outermost."""
        self._arounds = arounds
        self.taken = 0
        """Calls of any service, since the server began."""
        self._wrapped: dict[str, Any] = {}
        """Handlers by method. They never change: wrapped once, all interceptors are spared at later calls."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The handler of the called method, or None where there is none."""
        self.taken += 1
        method = handler_call_details.method
        if method in self._wrapped:
            return self._wrapped[method]
        handler = await continuation(handler_call_details)
        if handler is None or not method.startswith(OURS):
            return handler
        for around in reversed(self._arounds):
            handler = _wrapped(method[1:], handler, around)
        self._wrapped[method] = handler
        return handler


def _wrapped(method: str, handler: Any, around: Around) -> Any:
    async def unary(request: Any, context: Any) -> Any:
        with around(method, context):
            return await handler.unary_unary(request, context)

    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        with around(method, context):
            async for response in handler.unary_stream(request, context):
                yield response

    serialized = {
        "request_deserializer": handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(stream, **serialized)
    return grpc.unary_unary_rpc_method_handler(unary, **serialized)

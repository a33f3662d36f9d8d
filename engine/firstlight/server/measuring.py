"""Measures every call: how many are under way, how long each took, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter
from types import TracebackType
from typing import Any

import grpc
import grpc.aio

from firstlight.server import metrics
from firstlight.server.interceptor import OURS


class MetricsInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # not generic where it runs
    """Wraps every method of ours, from outside the interceptor that gives a failed call its status."""

    def __init__(self) -> None:
        self._measured: dict[str, Any] = {}
        """Handlers by method. They never change: wrapped once, all interceptors are spared at later calls."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The handler of the called method, or None where there is none."""
        method = handler_call_details.method
        if method in self._measured:
            return self._measured[method]
        handler = await continuation(handler_call_details)
        if handler is None or not method.startswith(OURS):
            return handler
        self._measured[method] = measured = _measured(method[1:], handler)
        return measured


def _measured(method: str, handler: Any) -> Any:
    async def unary(request: Any, context: Any) -> Any:
        with _Call(method, context):
            return await handler.unary_unary(request, context)

    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        with _Call(method, context):
            async for response in handler.unary_stream(request, context):
                yield response

    serialized = {
        "request_deserializer": handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(stream, **serialized)
    return grpc.unary_unary_rpc_method_handler(unary, **serialized)


class _Call:
    """From its beginning to its end, whichever that is."""

    __slots__ = ("_began", "_context", "_method")

    def __init__(self, method: str, context: Any) -> None:
        self._method = method
        self._context = context

    def __enter__(self) -> None:
        metrics.in_flight(self._method).inc()
        self._began = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        took_s = perf_counter() - self._began
        metrics.in_flight(self._method).dec()
        code = "OK" if error is None else _code(error, self._context).name
        metrics.duration(self._method, code).observe(took_s)


def _code(error: BaseException, context: Any) -> grpc.StatusCode:
    """How a call ended that ``error`` ended."""
    if not isinstance(error, asyncio.CancelledError | GeneratorExit):
        return context.code() or grpc.StatusCode.UNKNOWN
    # Ended from outside: by gRPC at the deadline, before it by the caller.
    return grpc.StatusCode.DEADLINE_EXCEEDED if context.time_remaining() == 0 else grpc.StatusCode.CANCELLED

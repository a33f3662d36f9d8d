"""The one place where an exception becomes a gRPC status."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from firstlight.server.status import to_failure

log = logging.getLogger(__name__)

OURS = "/firstlight."


class StatusInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # not generic where it runs
    """Wraps every method of ours; health and reflection have their own manners."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The handler of the called method, or None where there is none."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith(OURS):
            return handler
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                _stream(method, handler.unary_stream), handler.request_deserializer, handler.response_serializer
            )
        return grpc.unary_unary_rpc_method_handler(
            _unary(method, handler.unary_unary), handler.request_deserializer, handler.response_serializer
        )


def _unary(method: str, serve: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    async def served(request: Any, context: Any) -> Any:
        try:
            return await serve(request, context)
        except Exception as error:
            await _abort(method, context, error)

    return served


def _stream(method: str, serve: Callable[[Any, Any], AsyncIterator[Any]]) -> Callable[[Any, Any], AsyncIterator[Any]]:
    async def served(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            async for response in serve(request, context):
                yield response
        except Exception as error:
            await _abort(method, context, error)

    return served


async def _abort(method: str, context: Any, error: Exception) -> None:
    request_id = str(uuid.uuid4())
    failure = to_failure(error, request_id=request_id)
    if failure.code is grpc.StatusCode.INTERNAL:
        log.error("%s failed, request_id %s", method, request_id, exc_info=error)
    await context.abort(failure.code, failure.message, failure.trailing_metadata)

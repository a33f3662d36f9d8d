"""The one place where an exception becomes a gRPC status."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from firstlight.errors import InvalidInputError
from firstlight.server import request_ids
from firstlight.server.status import to_failure

log = logging.getLogger(__name__)

OURS = "/firstlight."


class StatusInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # not generic where it runs
    """Wraps every method of ours, with the reading of its request; health and reflection have their own manners."""

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
        # Without a deserializer the wrapped method gets bytes: it answers for those that cannot be read, too.
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                _stream(method, handler), response_serializer=handler.response_serializer
            )
        return grpc.unary_unary_rpc_method_handler(
            _unary(method, handler), response_serializer=handler.response_serializer
        )


def _unary(method: str, handler: Any) -> Callable[[bytes, Any], Awaitable[Any]]:
    async def served(data: bytes, context: Any) -> Any:
        try:
            return await handler.unary_unary(_read(handler, data), context)
        except Exception as error:
            await _abort(method, context, error)

    return served


def _stream(method: str, handler: Any) -> Callable[[bytes, Any], AsyncIterator[Any]]:
    async def served(data: bytes, context: Any) -> AsyncIterator[Any]:
        try:
            async for response in handler.unary_stream(_read(handler, data), context):
                yield response
        except Exception as error:
            await _abort(method, context, error)

    return served


def _read(handler: Any, data: bytes) -> Any:
    """The request message; protobuf does not say which field it fails on."""
    try:
        return handler.request_deserializer(data)
    except DecodeError as error:
        raise InvalidInputError(
            "the request cannot be read: it is malformed, or one of its strings is not valid UTF-8"
        ) from error


async def _abort(method: str, context: Any, error: Exception) -> None:
    request_id = request_ids.current()
    failure = to_failure(error, request_id=request_id)
    if failure.code is grpc.StatusCode.INTERNAL:
        log.error("%s failed", method, exc_info=error)
    await context.abort(failure.code, failure.message, (*failure.trailing_metadata, (request_ids.KEY, request_id)))

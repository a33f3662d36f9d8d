"""Measures a call: that it is under way, how long it took, and how it ended."""

from __future__ import annotations

import asyncio
from time import perf_counter
from types import TracebackType
from typing import Any

import grpc

from firstlight.server import metrics


class Measured:
    """A call from its beginning to its end, whichever that is."""

    __slots__ = ("_began", "_context", "_method")

    def __init__(self, method: str, context: Any) -> None:
        self._method = method
        self._context = context

    def __enter__(self) -> None:
        metrics.CALLS.began(self._method)
        self._began = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        took_s = perf_counter() - self._began
        metrics.CALLS.ended(self._method, status_of(error, self._context).name, took_s)


def status_of(error: BaseException | None, context: Any) -> grpc.StatusCode:
    """How a call ended that ``error``, or nothing, ended."""
    if error is None:
        return grpc.StatusCode.OK
    if not isinstance(error, asyncio.CancelledError | GeneratorExit):
        code: grpc.StatusCode | None = context.code()
        return code or grpc.StatusCode.UNKNOWN
    # Ended from outside: by gRPC at the deadline, before it by the caller.
    return grpc.StatusCode.DEADLINE_EXCEEDED if context.time_remaining() == 0 else grpc.StatusCode.CANCELLED

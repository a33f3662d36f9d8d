import asyncio
import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio
import pytest

from firstlight.errors import NotFoundError
from firstlight.logs import TextLines
from firstlight.server.interceptor import StatusInterceptor

PASSWORD = "1234"


class Context:
    async def abort(self, code: grpc.StatusCode, message: str, metadata: object) -> None:
        self.aborted = (code, message)
        raise grpc.aio.AbortError


async def answer(_request: object, _context: object) -> str:
    return "answer"


async def fail(_request: object, _context: object) -> str:
    raise RuntimeError(f"the password is {PASSWORD}")


async def miss(_request: object, _context: object) -> str:
    raise NotFoundError("no such thing")


async def count(_request: object, _context: object) -> AsyncIterator[int]:
    yield 1
    raise RuntimeError(f"the password is {PASSWORD}")


async def handler_of(behaviour: Any, *, method: str = "/firstlight.v1.X/Y", stream: bool = False) -> Any:
    make = grpc.unary_stream_rpc_method_handler if stream else grpc.unary_unary_rpc_method_handler
    found = make(behaviour, bytes.decode)

    async def continuation(_details: object) -> object:
        return found

    return await StatusInterceptor().intercept_service(continuation, SimpleNamespace(method=method))


def test_an_answer_passes() -> None:
    async def run() -> object:
        return await (await handler_of(answer)).unary_unary(b"", Context())

    assert asyncio.run(run()) == "answer"


def test_other_services_are_left_alone() -> None:
    async def run() -> object:
        return (await handler_of(answer, method="/grpc.health.v1.Health/Check")).unary_unary

    assert asyncio.run(run()) is answer


def test_a_failure_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    context = Context()

    async def run() -> None:
        await (await handler_of(fail)).unary_unary(b"", context)

    caplog.handler.setFormatter(TextLines())
    with caplog.at_level(logging.ERROR), pytest.raises(grpc.aio.AbortError):
        asyncio.run(run())
    code, message = context.aborted
    assert code is grpc.StatusCode.INTERNAL
    assert PASSWORD not in message
    request_id = message.partition("request_id ")[2].split()[0]
    assert request_id in caplog.text
    assert "/firstlight.v1.X/Y failed" in caplog.text
    assert "in fail" in caplog.text
    assert "RuntimeError" in caplog.text
    assert PASSWORD not in caplog.text


def test_an_error_of_ours_is_told_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    context = Context()

    async def run() -> None:
        await (await handler_of(miss)).unary_unary(b"", context)

    with pytest.raises(grpc.aio.AbortError):
        asyncio.run(run())
    assert context.aborted == (grpc.StatusCode.NOT_FOUND, "no such thing")
    assert not caplog.text


def test_a_stream_ends_with_its_error() -> None:
    context = Context()

    async def run() -> list[int]:
        handler = await handler_of(count, stream=True)
        return [number async for number in handler.unary_stream(b"", context)]

    with pytest.raises(grpc.aio.AbortError):
        asyncio.run(run())
    assert context.aborted[0] is grpc.StatusCode.INTERNAL

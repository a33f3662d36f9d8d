"""Calls of a real gRPC server, and what is counted of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from prometheus_client import REGISTRY

from firstlight.errors import NotFoundError
from firstlight.server.calls import CallInterceptor
from firstlight.server.interceptor import StatusInterceptor
from firstlight.server.measuring import Measured
from firstlight.server.metrics import CALLS

SERVICE = "firstlight.test.Measured"

seen = asyncio.Event()
"""The caller has looked at the first message of a stream."""


async def answer(_request: bytes, _context: object) -> bytes:
    return b"answer"


async def miss(_request: bytes, _context: object) -> bytes:
    raise NotFoundError("no such thing")


async def crash(_request: bytes, _context: object) -> bytes:
    raise RuntimeError("odd")


async def wait(_request: bytes, _context: object) -> bytes:
    await asyncio.sleep(60)
    return b""


async def count(_request: bytes, _context: object) -> AsyncIterator[bytes]:
    yield b"1"
    await seen.wait()
    yield b"2"
    raise NotFoundError("no third one")


def bytes_of(data: bytes) -> bytes:
    return data


HANDLERS = {
    function.__name__: grpc.unary_unary_rpc_method_handler(function, bytes_of, bytes_of)
    for function in (answer, miss, crash, wait)
} | {"count": grpc.unary_stream_rpc_method_handler(count, bytes_of, bytes_of)}


def with_server(call: Callable[[grpc.aio.Channel], Awaitable[None]], service: str = SERVICE) -> None:
    async def run() -> None:
        server = grpc.aio.server(interceptors=[CallInterceptor(Measured), StatusInterceptor()])
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, HANDLERS)])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel, asyncio.timeout(20):
            await call(channel)
        await server.stop(1)

    asyncio.run(run())


def called(method: str, code: str) -> float:
    CALLS.flush()
    labels = {"rpc_system_name": "grpc", "rpc_method": f"{SERVICE}/{method}", "rpc_response_status_code": code}
    return REGISTRY.get_sample_value("rpc_server_call_duration_seconds_count", labels) or 0.0


def under_way(method: str) -> float | None:
    CALLS.flush()
    return REGISTRY.get_sample_value("firstlight_calls_in_flight", {"rpc_method": f"{SERVICE}/{method}"})


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("method", "code"),
    [("answer", "OK"), ("miss", "NOT_FOUND"), ("crash", "INTERNAL"), ("wait", "DEADLINE_EXCEEDED")],
)
def test_a_call_is_counted_with_the_status_that_its_caller_sees(method: str, code: str) -> None:
    before = called(method, code)

    async def call(channel: grpc.aio.Channel) -> None:
        for n in range(1, 4):
            made: Any = channel.unary_unary(f"/{SERVICE}/{method}")(b"", timeout=0.3 if method == "wait" else 10)
            assert (await made.code()).name == code
            await until(lambda expected=before + n: called(method, code) == expected)

    with_server(call)
    assert under_way(method) == 0


def test_a_call_is_under_way_until_its_caller_gives_up() -> None:
    before = called("wait", "CANCELLED")

    async def call(channel: grpc.aio.Channel) -> None:
        made = [channel.unary_unary(f"/{SERVICE}/wait")(b"") for _ in range(3)]
        await until(lambda: under_way("wait") == 3)
        for each in made:
            each.cancel()
        await until(lambda: called("wait", "CANCELLED") == before + 3)

    with_server(call)
    assert under_way("wait") == 0


def test_a_stream_is_one_call() -> None:
    async def call(channel: grpc.aio.Channel) -> None:
        stream = channel.unary_stream(f"/{SERVICE}/count")(b"")
        assert await stream.read() == b"1"
        assert under_way("count") == 1
        seen.set()
        assert await stream.read() == b"2"
        assert await stream.code() is grpc.StatusCode.NOT_FOUND
        await until(lambda: called("count", "NOT_FOUND") == 1)

    with_server(call)
    assert under_way("count") == 0


def test_other_services_are_not_measured() -> None:
    async def call(channel: grpc.aio.Channel) -> None:
        assert await channel.unary_unary("/other.Service/answer")(b"") == b"answer"
        assert await channel.unary_unary(f"/{SERVICE}/none")(b"").code() is grpc.StatusCode.UNIMPLEMENTED

    with_server(call, "other.Service")
    assert "other.Service" not in str([*REGISTRY.collect()])
    assert f"{SERVICE}/none" not in str([*REGISTRY.collect()])

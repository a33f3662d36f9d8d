import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from firstlight.client import AsyncClient, Client
from firstlight.v1 import item_service_pb2_grpc
from firstlight.v1.item_pb2 import Item
from firstlight.v1.item_service_pb2 import GetItemRequest, GetItemResponse

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


class Items(item_service_pb2_grpc.ItemServiceServicer):
    def __init__(self, name: str) -> None:
        self._name = name

    def GetItem(self, request: GetItemRequest, context: object) -> GetItemResponse:  # noqa: N802
        return GetItemResponse(item=Item(item_id=self._name))


class Server:
    """Answers with its own name, and reports what it is told to."""

    def __init__(self, name: str) -> None:
        self._server = grpc.server(ThreadPoolExecutor(8))
        self.health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)
        item_service_pb2_grpc.add_ItemServiceServicer_to_server(Items(name), self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(None).wait()


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    started = [Server("first"), Server("second")]
    yield started
    for server in started:
        server.stop()


def test_a_server_that_is_not_serving_gets_no_calls(servers: list[Server]) -> None:
    first, second = servers
    first.health.set("", NOT_SERVING)
    with Client.connect(first.address, second.address, timeout_s=10) as client:
        assert {client.get_item("i").item_id for _ in range(6)} == {"second"}


def test_a_lone_server_that_drains_is_called_and_its_health_can_be_asked(servers: list[Server]) -> None:
    server = servers[0]
    server.health.set("", NOT_SERVING)
    with Client.connect(server.address, timeout_s=10) as client:
        assert client.get_item("i").item_id == "first"
        assert client.health() == "NOT_SERVING"
        server.health.set("", SERVING)
        assert client.health() == "SERVING"


def test_health_need_not_be_checked(servers: list[Server]) -> None:
    first, second = servers
    first.health.set("", NOT_SERVING)
    with Client.connect(first.address, second.address, timeout_s=10, check_health=False) as client:
        assert any(client.get_item("i").item_id == "first" for _ in range(2_000))


def test_the_asyncio_client_does_the_same(servers: list[Server]) -> None:
    first, second = servers
    first.health.set("", NOT_SERVING)

    async def calls() -> tuple[set[str], str]:
        async with AsyncClient.connect(first.address, second.address, timeout_s=10) as client:
            names = {(await client.get_item("i")).item_id for _ in range(6)}
        async with AsyncClient.connect(first.address, timeout_s=10) as client:
            names.add((await client.get_item("i")).item_id)
            return names, await client.health()

    assert asyncio.run(calls()) == ({"second", "first"}, "NOT_SERVING")

"""Beside the port of all, each worker has one of its own: a client that lists them reaches every worker."""

import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import grpc
import psutil
import pytest

from firstlight.settings import init_home
from firstlight.v1.item_service_pb2 import ListItemsRequest
from firstlight.v1.item_service_pb2_grpc import ItemServiceStub

pytestmark = pytest.mark.xdist_group("grpc")

OWN_PORTS = {"FIRSTLIGHT_SERVE__WORKER_PORTS": "1", "FIRSTLIGHT_SERVE__DRAIN_DELAY_S": "1"}
IN_TURN = {"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}
"""Without retries: what fails is seen."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return init_home(tmp_path / "home").home


def own_addresses(server: object) -> list[str]:
    words = server.process.stdout.readline().split()
    assert words[:2] == ["Workers", "on"]
    return words[2:]


def listening(worker: psutil.Process) -> set[int]:
    try:
        return {c.laddr.port for c in worker.net_connections() if c.status == psutil.CONN_LISTEN}
    except psutil.Error:  # it has ended
        return set()


def on(server: object, address: str) -> set[int]:
    """Who listens on ``address``."""
    return {worker.pid for worker in server.workers() if port_of(address) in listening(worker)}


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def test_each_worker_listens_on_the_shared_port_and_on_its_own(
    serve_home: Callable[..., object], home: Path, until: Callable[..., None]
) -> None:
    with serve_home(home, workers=2, **OWN_PORTS) as server:
        first, second = own_addresses(server)
        workers = {worker.pid for worker in server.workers()}
        assert len(workers) == 2
        assert on(server, server.address) == workers == on(server, first) | on(server, second)
        (gone,) = on(server, first)
        os.kill(gone, signal.SIGKILL)
        until(lambda: len(on(server, first) - {gone}) == 1)


def test_a_client_of_all_workers_sees_none_of_them_drain(
    serve_home: Callable[..., object], home: Path, until: Callable[..., None]
) -> None:
    options = [("grpc.service_config", json.dumps(IN_TURN)), ("grpc.enable_retries", 0)]
    with serve_home(home, workers=2, **OWN_PORTS) as server:
        own = own_addresses(server)
        with grpc.insecure_channel("ipv4:" + ",".join(own), options) as channel:
            list_items = ItemServiceStub(channel).ListItems
            list_items(ListItemsRequest(), timeout=5, wait_for_ready=True)
            ((gone,), (stays,)) = (on(server, address) for address in own)
            reported = set()
            watch = threading.Thread(target=watch_health, args=(own[0], reported))
            watch.start()
            os.kill(gone, signal.SIGTERM)

            def replaced() -> bool:
                list_items(ListItemsRequest(), timeout=5)
                return len(server.workers()) == 2 and gone not in on(server, own[0])

            until(replaced)
            watch.join(10)
        assert reported == {b"\x08\x01", b"\x08\x02"}
        assert on(server, own[1]) == {stays}


def watch_health(address: str, reported: set[bytes]) -> None:
    """What ``address`` reports on one connection until that is closed."""
    with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        try:
            for status in channel.unary_stream("/grpc.health.v1.Health/Watch", None, None)(b"", timeout=20):
                reported.add(status)
        except grpc.RpcError:
            return


def test_ports_follow_the_shared_one_and_none_may_be_taken(
    serve_home: Callable[..., object], serving_start: Callable[..., object], home: Path
) -> None:
    port = three_free_ports()
    with serve_home(home, port=port, workers=2, **OWN_PORTS) as server:
        assert own_addresses(server) == [f"127.0.0.1:{port + 1}", f"127.0.0.1:{port + 2}"]
    with socket.create_server(("127.0.0.1", port + 2)):
        _, errors = serving_start(home, port=port, workers=2, **OWN_PORTS).communicate(timeout=30)
    assert f"PORT_IN_USE: port {port + 2}" in errors
    _, errors = serving_start(home, port=65535, **OWN_PORTS).communicate(timeout=30)
    assert "the last port is 65535" in errors


def three_free_ports() -> int:
    """The first of them."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = first.getsockname()[1]
        try:
            for following in (port, port + 1, port + 2):
                socket.create_server(("127.0.0.1", following)).close()
        except OSError:
            continue
        return port

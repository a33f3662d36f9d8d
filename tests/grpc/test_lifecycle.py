import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import psutil
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from firstlight.client import Client
from firstlight.settings import Settings, init_home

pytestmark = pytest.mark.xdist_group("grpc")


def test_health(client: Client, server: object) -> None:
    assert client.health() == "SERVING"
    with grpc.insecure_channel(server.address) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check", None, None)
        name = b"firstlight.v1.RecommendationService"
        assert check(b"\x0a" + bytes([len(name)]) + name) == b"\x08\x01"


def test_reflection_lists_every_service(server: object) -> None:
    with grpc.insecure_channel(server.address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        (answer,) = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    names = {service.name for service in answer.list_services_response.service}
    protos = Path(__file__).parents[2] / "protos" / "firstlight" / "v1"
    ours = {
        f"firstlight.v1.{name}"
        for file in protos.glob("*.proto")
        for name in re.findall(r"^service (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(ours) == 7
    assert names == ours | {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


def test_plugins_are_listed(client: Client) -> None:
    plugins = {plugin.name: plugin for plugin in client.list_plugins(page_size=2)}
    assert {"popularity", "factors", "neighbours", "sequence", "fusion"} <= set(plugins)
    popularity = plugins["popularity"]
    assert [(c.name, c.role) for c in popularity.components] == [("popularity", "cold_start_strategy")]
    assert (popularity.distribution, popularity.error) == ("firstlight", "")


def test_a_serving_process_imports_neither_torch_nor_polars(client: Client, server: object) -> None:
    client.recommend("user-3")
    (worker,) = server.workers()
    loaded = " ".join(mapped.path for mapped in worker.memory_maps())
    assert "grpc" in loaded
    assert "onnxruntime" in loaded
    assert "libtorch" not in loaded
    assert "polars" not in loaded
    supervisor = " ".join(mapped.path for mapped in psutil.Process(server.process.pid).memory_maps())
    assert "grpc" not in supervisor


def test_a_port_in_use(serving_start: Callable[..., subprocess.Popen[str]], server: object, settings: Settings) -> None:
    port = int(server.address.rpartition(":")[2])
    process = serving_start(settings.home, port=port)
    output, errors = process.communicate(timeout=30)
    assert output == ""
    assert process.returncode != 0
    assert f"PORT_IN_USE: port {port} of 127.0.0.1 is in use by another process" in errors


def test_a_port_where_somebody_else_listens(
    serving_start: Callable[..., subprocess.Popen[str]], settings: Settings
) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        _, errors = serving_start(settings.home, port=other.getsockname()[1]).communicate(timeout=30)
    assert "PORT_IN_USE" in errors


def test_workers_share_the_port_die_and_end(
    serve_home: Callable[..., object], tmp_path: Path, until: Callable[..., None]
) -> None:
    home = init_home(tmp_path / "home").home
    with serve_home(home, workers=2) as server, Client.connect(server.address, timeout_s=20) as client:
        workers = server.workers()
        assert len(workers) == 2
        assert client.upsert_items({"a": {}}).write_token

        workers[0].kill()
        until(lambda: len({w.pid for w in server.workers()} - {workers[0].pid}) == 2)
        assert client.get_item("a").item_id == "a"
        until(lambda: all(len(w.net_connections()) for w in server.workers()))

        processes = [*server.workers(), psutil.Process(server.process.pid)]
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    # The same port is free again, and what was written is there.
    port = int(server.address.rpartition(":")[2])
    with serve_home(home, port=port) as again, Client.connect(again.address, timeout_s=20) as client:
        assert client.get_item("a").item_id == "a"
        (worker,) = again.workers()
        again.process.kill()
        until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


def test_a_second_signal_ends_at_once(
    serve_home: Callable[..., object], tmp_path: Path, until: Callable[..., None]
) -> None:
    home = init_home(tmp_path / "home").home
    with serve_home(home, FIRSTLIGHT_SERVE__DRAIN_DELAY_S="60") as server:
        (worker,) = server.workers()
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(5) == 128 + signal.SIGINT
        until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, 5)


def test_running_calls_finish_and_health_says_so(
    serve_home: Callable[..., object], tmp_path: Path, until: Callable[..., None]
) -> None:
    home = init_home(tmp_path / "home").home
    with (
        serve_home(home, FIRSTLIGHT_SERVE__DRAIN_DELAY_S="2") as server,
        Client.connect(server.address, timeout_s=20, check_health=False) as client,
    ):
        assert client.health() == "SERVING"
        server.process.send_signal(signal.SIGTERM)
        until(lambda: client.health() == "NOT_SERVING", 2)
        assert client.upsert_items({"late": {}}).write_token
        assert server.process.wait(30) == 0


def test_a_home_made_by_a_newer_version(serving_start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    home = init_home(tmp_path / "home").home
    file = home / "firstlight.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("format = 1", "format = 99"), encoding="utf-8")
    _, errors = serving_start(home).communicate(timeout=30)
    assert "HOME_TOO_NEW" in errors


def test_a_worker_that_cannot_start_says_why(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from firstlight.settings import init_home; "
        "from firstlight.server import serve\n"
        "import firstlight.server.handshake as h; h.WorkerConfig.to_line = lambda self: b'nonsense\\n'\n"
        "from firstlight.errors import UnavailableError\n"
        "try: serve(init_home(Path(sys.argv[1])), port=0)\n"
        "except UnavailableError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "home")],
        capture_output=True,
        text=True,
        timeout=60,
        env=dict(os.environ),
        check=True,
    )
    assert done.stdout == "the server does not start: a worker died while it started\n"

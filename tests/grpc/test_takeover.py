"""A server takes the place of another one, of the same home alone, and no caller notices."""

import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from firstlight.client import Client
from firstlight.settings import init_home

pytestmark = pytest.mark.xdist_group("grpc")

TAKEOVER = {"FIRSTLIGHT_SERVE__TAKEOVER": "1"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return init_home(tmp_path / "home").home


def port_of(server: object) -> int:
    return int(server.address.rpartition(":")[2])


def test_the_old_server_ends_once_the_new_one_answers(
    serve_home: Callable[..., object], home: Path, free_port: int
) -> None:
    metrics = {"FIRSTLIGHT_SERVE__METRICS_PORT": str(free_port)}
    with (
        serve_home(home, workers=2, FIRSTLIGHT_SERVE__DRAIN_DELAY_S="60", **metrics) as old,
        Client.connect(old.address, timeout_s=20) as client,
    ):
        assert client.upsert_items({"a": {}}).write_token
        with serve_home(home, port=port_of(old), **TAKEOVER, **metrics) as new:
            assert new.address == old.address
            assert old.process.wait(20) == 0  # without the delay: nobody has to notice
            assert client.get_item("a").item_id == "a"
            assert client.health() == "SERVING"
            with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=5) as page:
                assert page.status == 200
        assert not list((home / "run").iterdir())


def test_a_server_of_another_home_is_not_taken_over(
    serve_home: Callable[..., object], serving_start: Callable[..., object], home: Path, tmp_path: Path
) -> None:
    other = init_home(tmp_path / "other").home
    with serve_home(home) as server:
        _, errors = serving_start(other, port=port_of(server), **TAKEOVER).communicate(timeout=30)
        assert "PORT_IN_USE" in errors
        assert server.process.poll() is None


def test_where_nobody_answers_it_simply_starts(serve_home: Callable[..., object], home: Path) -> None:
    with serve_home(home) as killed:
        for process in (killed.process, *killed.workers()):
            process.kill()
        killed.process.wait(10)
    assert list((home / "run").iterdir())
    with serve_home(home, port=port_of(killed), **TAKEOVER) as server:
        assert server.process.poll() is None

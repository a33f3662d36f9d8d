"""What a scrape of a real server with two workers tells."""

import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from firstlight.client import Client
from firstlight.errors import NotFoundError

pytestmark = pytest.mark.xdist_group("grpc")

RECOMMEND = "firstlight.v1.RecommendationService/Recommend"


@dataclass(frozen=True)
class Measured:
    """A server with two workers, and its metrics."""

    server: object
    port: int

    def connect(self) -> Client:
        return Client.connect(self.server.address, timeout_s=20)

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples ``name`` that have these labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as page:
            families = text_string_to_metric_families(page.read().decode())
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def calls(self, method: str, code: str) -> float:
        labels = {"rpc_system_name": "grpc", "rpc_method": method, "rpc_response_status_code": code}
        return self.total("rpc_server_call_duration_seconds_count", **labels)


@pytest.fixture
def measured(
    make_home: Callable[..., object], tmp_path: Path, serve_home: Callable[..., object], free_port: int
) -> Iterator[Measured]:
    home = make_home(tmp_path / "home", "bundle-1", "bundle-2").home
    with serve_home(home, workers=2, FIRSTLIGHT_SERVE__METRICS_PORT=str(free_port)) as server:
        yield Measured(server, free_port)


def test_calls_are_counted_over_all_workers_by_method_and_status(measured: Measured) -> None:
    for _ in range(8):  # a connection stays with one of the workers
        with measured.connect() as client:
            assert client.recommend(limit=3).items
            with pytest.raises(NotFoundError):
                client.get_item("none")
    assert measured.calls(RECOMMEND, "OK") == 8
    assert measured.calls("firstlight.v1.ItemService/GetItem", "NOT_FOUND") == 8
    seconds = measured.total("rpc_server_call_duration_seconds_sum", rpc_method=RECOMMEND)
    assert 0 < seconds < 8 * 20
    assert measured.total("firstlight_calls_in_flight") == 0


def test_calls_of_a_worker_that_died_are_no_longer_under_way(measured: Measured, until: Callable[..., None]) -> None:
    with measured.connect() as client:
        watched = client.watch_training_job(client.create_training_job(time_budget_s=600).job_id)
        next(watched)
        assert measured.total("firstlight_calls_in_flight") == 1
        for worker in measured.server.workers():
            worker.kill()
        until(lambda: measured.total("firstlight_calls_in_flight") == 0)
        assert measured.calls("firstlight.v1.TrainingService/CreateTrainingJob", "OK") == 1

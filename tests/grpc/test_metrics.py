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


def test_calls_are_counted_over_all_workers_by_method_and_status(
    measured: Measured, until: Callable[..., None]
) -> None:
    for _ in range(8):  # a connection stays with one of the workers
        with measured.connect() as client:
            assert client.recommend(limit=3).items
            with pytest.raises(NotFoundError):
                client.get_item("none")
    until(lambda: measured.calls(RECOMMEND, "OK") == 8)  # told four times a second
    until(lambda: measured.calls("firstlight.v1.ItemService/GetItem", "NOT_FOUND") == 8)
    seconds = measured.total("rpc_server_call_duration_seconds_sum", rpc_method=RECOMMEND)
    assert 0 < seconds < 8 * 20
    until(lambda: measured.total("firstlight_calls_in_flight") == 0)


def test_calls_of_a_worker_that_died_are_no_longer_under_way(measured: Measured, until: Callable[..., None]) -> None:
    with measured.connect() as client:
        watched = client.watch_training_job(client.create_training_job(time_budget_s=600).job_id)
        next(watched)
        watching = "firstlight.v1.TrainingService/WatchTrainingJob"
        until(lambda: measured.total("firstlight_calls_in_flight", rpc_method=watching) == 1)
        for worker in measured.server.workers():
            worker.kill()
        until(lambda: measured.total("firstlight_calls_in_flight") == 0)
        assert measured.calls("firstlight.v1.TrainingService/CreateTrainingJob", "OK") == 1


def test_what_an_answer_lacks_is_counted_once(measured: Measured) -> None:
    before = measured.total("firstlight_degraded_answers_total")
    with measured.connect() as client:
        client.recommend(profile={"no": 1, "nor": 2})
        client.rank(["item-01", "nowhere"], profile={"no": 1}, history=["none"], limit=1)
        client.recommend()
    assert measured.total("firstlight_degraded_answers_total", reason="unknown_attribute", component="") == 2
    assert measured.total("firstlight_degraded_answers_total", reason="unknown_item", component="") == 1
    assert measured.total("firstlight_degraded_answers_total") == before + 3


def test_an_activation_shows_in_every_worker(measured: Measured, until: Callable[..., None]) -> None:
    def workers(bundle_id: str) -> float:
        return measured.total("firstlight_active_bundle", catalog_id="default", bundle_id=bundle_id)

    assert workers("bundle-1") == 2
    with measured.connect() as client:
        client.activate_bundle("bundle-2", force=True)
        until(lambda: workers("bundle-2") == 2)
        assert workers("bundle-1") == 0
        made = client.get_bundle("bundle-2").create_time.ToNanoseconds() / 1e9
    name = "firstlight_active_bundle_created_timestamp_seconds"
    assert measured.total(name, catalog_id="default") == pytest.approx(made, abs=1e-3)


def test_a_user_is_a_miss_once_and_again_after_a_write(measured: Measured) -> None:
    def counted() -> tuple[float, float]:
        names = ("firstlight_user_cache_lookups_total", "firstlight_user_cache_misses_total")
        return tuple(measured.total(name) for name in names)

    lookups, misses = counted()
    with measured.connect() as client:
        for _ in range(3):
            client.recommend("stranger")
        assert counted() == (lookups + 3, misses + 1)
        client.recommend()
        assert counted() == (lookups + 3, misses + 1), "nobody was asked for"
        written = client.write_interactions([{"user_id": "stranger", "item_id": "item-01"}])
        client.recommend("stranger", min_write_token=written.write_token)
        assert counted() == (lookups + 4, misses + 2)


def test_every_worker_tells_how_late_a_change_shows(measured: Measured, until: Callable[..., None]) -> None:
    with measured.connect() as client:
        client.upsert_items({"late": {}})
    until(lambda: measured.total("firstlight_freshness_lag_seconds_count") == 2)
    assert 0 < measured.total("firstlight_freshness_lag_seconds_sum") < 10


def test_stages_are_timed_once_a_batch_and_components_within_them(
    measured: Measured, until: Callable[..., None]
) -> None:
    def stages(name: str) -> float:
        return measured.total("firstlight_stage_duration_seconds_count", stage=name)

    def seconds(**labels: str) -> float:
        return measured.total("firstlight_stage_duration_seconds_sum", **labels)

    with measured.connect() as client:
        client.recommend("user-1")
        until(lambda: stages("write") == 1)
        before = {name: stages(name) for name in ("prepare", "route", "generate", "score", "rank", "order", "explain")}
        client.batch_recommend([{"user_id": "user-1"}] * 5)
        until(lambda: stages("write") == 2)
    assert {name: stages(name) - count for name, count in before.items()} == dict.fromkeys(before, 1)
    assert {stages(name) for name in ("read", "user_state", "wait")} == {2}
    for operation in ("generate", "score"):
        labels = {"component": "neighbours", "operation": operation}
        assert measured.total("firstlight_component_duration_seconds_count", **labels) >= 2
        within = measured.total("firstlight_component_duration_seconds_sum", operation=operation)
        assert 0 < within < seconds(stage=operation), "calls of components are part of their stage"

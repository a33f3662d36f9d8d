"""The log of a real server, of its workers and jobs: a JSON object a line that names calls and no user."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from sqlalchemy import create_engine, text

from firstlight.client import Client
from firstlight.errors import FirstlightError
from firstlight.v1 import interaction_service_pb2, recommendation_service_pb2 as pb
from firstlight.v1.interaction_pb2 import Interaction
from firstlight.v1.interaction_service_pb2_grpc import InteractionServiceStub
from firstlight.v1.recommendation_pb2 import Query
from firstlight.v1.recommendation_service_pb2_grpc import RecommendationServiceStub

pytestmark = pytest.mark.xdist_group("grpc")

BAD = Path(__file__).parents[2] / "plugins/examples/bad"
USER, VALUE = "user-0815-private", "value-0815-private"


@dataclass(frozen=True)
class Logged:
    """A server that logs JSON into a file."""

    home: Path
    address: str
    process: subprocess.Popen[bytes]

    def lines(self, path: Path | None = None) -> list[dict[str, object]]:
        """All lines so far; each must be an object."""
        return [json.loads(line) for line in (path or self.home / "server.log").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def logged(make_home: Callable[..., object], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    settings = make_home(tmp_path_factory.mktemp("logs") / "home", "bundle-1")
    engine = create_engine(settings.store_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER refuse BEFORE INSERT ON interactions WHEN NEW.item_id = 'item-09' "
                f"BEGIN SELECT RAISE(ABORT, '{USER} is refused'); END"
            )
        )
    engine.dispose()
    command = [sys.executable, "-m", "firstlight.cli", "serve", "--home", str(settings.home), "--port", "0"]
    environment = {
        "FIRSTLIGHT_SERVE__DRAIN_DELAY_S": "0",
        "PYTHONPATH": os.pathsep.join([str(BAD), os.environ.get("PYTHONPATH", "")]),
        "FIRSTLIGHT_LOAD_PLUGINS": "firstlight_bad",
        "FIRSTLIGHT_BAD_ROLE": "reranker",
        "FIRSTLIGHT_BAD_FAULT": "raise",
    }
    with (settings.home / "server.log").open("wb") as output:
        process = subprocess.Popen(
            [*command, "--log-format", "json"], stdout=output, stderr=output, env=os.environ | environment
        )
    running = Logged(settings.home, "", process)
    try:
        yield Logged(settings.home, _address(running), process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _address(running: Logged) -> str:
    end = time.monotonic() + 60
    while running.process.poll() is None and time.monotonic() < end:
        for line in running.lines():
            if str(line["message"]).startswith("Serving on "):
                return str(line["message"]).split()[-1]
        time.sleep(0.1)
    raise AssertionError((running.home / "server.log").read_text("utf-8"))


@pytest.fixture
def channel(logged: Logged) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(logged.address) as opened:
        yield opened


def request_ids(call: object) -> list[str]:
    """What the caller is told."""
    return [value for key, value in call.trailing_metadata() if key == "x-request-id"]


def test_a_caller_is_told_its_own_request_id_and_the_log_names_it(logged: Logged, channel: grpc.Channel) -> None:
    request = pb.RecommendRequest(query=Query(user_id=USER, limit=3))
    recommend = RecommendationServiceStub(channel).Recommend
    answer, call = recommend.with_call(request, timeout=20, metadata=[("x-request-id", "mine-1")])
    assert len(answer.recommendation.items) == 3
    assert request_ids(call) == ["mine-1"]
    (line,) = [line for line in logged.lines() if line.get("request_id") == "mine-1"]
    assert line["message"].startswith("component bad-reranker failed: ")
    assert line["level"] == "WARNING"
    assert "reranker" in line["error"]
    assert line["process"] != logged.process.pid, "a worker's"


def test_a_call_without_an_id_gets_one_of_its_own(channel: grpc.Channel) -> None:
    recommend = RecommendationServiceStub(channel).Recommend
    request = pb.RecommendRequest(query=Query(limit=1))
    odd = [("x-request-id", "two words")]
    found = [request_ids(recommend.with_call(request, timeout=20, metadata=given)[1]) for given in ([], [], odd)]
    assert len({request_id for (request_id,) in found}) == 3
    assert ["two words"] not in found


def test_an_internal_error_is_found_by_its_request_id(logged: Logged, channel: grpc.Channel) -> None:
    write = InteractionServiceStub(channel).BatchWriteInteractions
    refused = [Interaction(user_id=USER, item_id="item-09")]
    for request_id, metadata, expected in (("field-1", [], "field-1"), ("field-2", [("x-request-id", "a-2")], "a-2")):
        request = interaction_service_pb2.BatchWriteInteractionsRequest(interactions=refused, request_id=request_id)
        with pytest.raises(grpc.RpcError) as caught:
            write(request, timeout=20, metadata=metadata)
        assert caught.value.code() is grpc.StatusCode.INTERNAL
        assert request_ids(caught.value) == [expected]
        assert USER not in caught.value.details()
        (line,) = [line for line in logged.lines() if line.get("request_id") == expected]
        assert line["level"] == "ERROR"
        assert line["message"] == "/firstlight.v1.InteractionService/BatchWriteInteractions failed"
        assert "IntegrityError" in line["error"]


def test_no_line_of_server_worker_or_job_names_a_user(logged: Logged, until: Callable[..., None]) -> None:
    with Client.connect(logged.address, timeout_s=20) as client:
        client.upsert_users({USER: {"nickname": VALUE}})
        for call in (
            lambda: client.recommend(USER, profile={"odd": VALUE}, history=[VALUE]),
            lambda: client.rank([VALUE], user_id=USER),
            lambda: client.get_user(VALUE),
            lambda: client.write_interactions([{"user_id": USER, "item_id": "item-09"}]),
            lambda: client.write_interactions([{"user_id": USER, "item_id": "item-01", "value": float("nan")}]),
        ):
            with suppress(FirstlightError):
                call()
        bare = client.with_options(catalog_id="bare")
        bare.upsert_users({USER: {"nickname": VALUE}})
        job = bare.create_training_job()
        *_, _ = bare.watch_training_job(job.job_id)
    log = logged.home / "logs" / f"train-{job.job_id}.log"
    until(lambda: any(line["level"] == "ERROR" for line in logged.lines(log)))  # it is told before it is logged
    assert "bare" in str(logged.lines(log)[-1]["message"])
    assert {line["process"] for line in logged.lines()} > {logged.process.pid}, "supervisor and worker"
    for file in (log, logged.home / "server.log"):
        told = file.read_text("utf-8")
        assert USER not in told
        assert VALUE not in told

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import groupby
from pathlib import Path

import pytest

from firstlight.client import Client
from firstlight.errors import InvalidInputError, NotFoundError, PreconditionError, Reason
from firstlight.plugins import PluginRules, load_plugins
from firstlight.v1.bundle_pb2 import Gate
from firstlight.v1.training_job_pb2 import TrainingJob, TrainingParameters

pytestmark = pytest.mark.xdist_group("grpc")


def test_create_watch_cancel(client: Client) -> None:
    job = client.create_training_job(preset="small", seed=5, time_budget_s=600)
    assert job.state == TrainingJob.STATE_PENDING
    assert job.parameters.preset == TrainingParameters.PRESET_SMALL
    assert (job.parameters.seed, job.parameters.time_budget.seconds) == (5, 600)
    with pytest.raises(PreconditionError, match=job.job_id) as caught:
        client.create_training_job()
    assert caught.value.reason is Reason.TRAINING_JOB_RUNNING

    seen = []
    for state in client.watch_training_job(job.job_id):
        seen.append(state)
        if state.stage and state.state == TrainingJob.STATE_RUNNING:
            cancelled = client.cancel_training_job(job.job_id)
            assert cancelled.state == TrainingJob.STATE_CANCELLED
    assert [s.state for s in seen][:1] == [TrainingJob.STATE_PENDING]
    assert TrainingJob.STATE_RUNNING in [s.state for s in seen]
    assert seen[-1].state == TrainingJob.STATE_CANCELLED
    assert client.get_training_job(job.job_id) == seen[-1]
    assert client.cancel_training_job(job.job_id) == seen[-1]
    assert next(client.list_training_jobs(page_size=1)) == seen[-1]


def test_a_job_trains_a_bundle_and_the_server_answers_from_it(
    make_home: Callable[..., object], serve_home: Callable[..., AbstractContextManager[object]], tmp_path: Path
) -> None:
    """The whole way, some 20 s: a process that trains, its progress, the gate, the activation, the next answer."""
    home = make_home(tmp_path / "home", "bundle-1").home
    with (
        serve_home(home, FIRSTLIGHT_SERVE__LOG_FORMAT="json") as server,
        Client.connect(server.address, timeout_s=20) as client,
    ):
        assert client.recommend(limit=1).bundle_id == "bundle-1"
        seen = []
        for job in client.watch_training_job(client.create_training_job(seed=3).job_id):
            seen.append(job)
            assert client.recommend("user-1", limit=1).items  # the server answers meanwhile
        done = seen[-1]
        log = (home / "logs" / f"train-{done.job_id}.log").read_text(encoding="utf-8")
        assert done.state == TrainingJob.STATE_SUCCEEDED, log
        assert done.detail == ""
        said = [json.loads(line)["message"] for line in log.splitlines()]
        assert any(line.startswith(f"Bundle {done.bundle_id} in ") for line in said)
        assert [state for state, _ in groupby(job.state for job in seen)] == [
            TrainingJob.STATE_PENDING,
            TrainingJob.STATE_RUNNING,
            TrainingJob.STATE_SUCCEEDED,
        ]
        assert len({job.stage for job in seen}) > 5
        assert all(0 <= job.progress <= 1 for job in seen)

        bundle = client.get_bundle()
        assert (bundle.bundle_id, bundle.active, bundle.seed) == (done.bundle_id, True, 3)
        assert bundle.gate.decision == Gate.DECISION_PASSED
        token = client.upsert_users({"later": {}}).write_token
        answer = client.recommend("user-1", limit=5, min_write_token=token)
        assert answer.bundle_id == done.bundle_id
        assert {item.source for item in answer.items} <= set(load_plugins(PluginRules()).registrations)
        assert client.roll_back_bundle().bundle.bundle_id == "bundle-1"


def test_a_job_that_cannot_succeed_says_why(client: Client) -> None:
    bare = client.with_options(catalog_id="bare")
    job = bare.create_training_job()
    *_, last = bare.watch_training_job(job.job_id)
    assert last.state == TrainingJob.STATE_FAILED
    assert "bare" in last.detail


def test_jobs_that_are_not_there(client: Client) -> None:
    for call in (
        client.get_training_job,
        client.cancel_training_job,
        lambda name: list(client.watch_training_job(name)),
    ):
        with pytest.raises(NotFoundError) as caught:
            call("no-such-job")
        assert caught.value.reason is Reason.TRAINING_JOB_NOT_FOUND
    assert list(client.with_options(catalog_id="shelf").list_training_jobs()) == []


def test_a_job_belongs_to_its_catalogue(client: Client, store: object) -> None:
    job = store.create_job("elsewhere", {"preset": "small", "seed": 0, "time_budget_s": None})
    store.update_job(job.job_id, state="CANCELLED")
    assert client.with_options(catalog_id="elsewhere").get_training_job(job.job_id).job_id == job.job_id
    with pytest.raises(NotFoundError):
        client.get_training_job(job.job_id)


def test_bad_parameters(client: Client) -> None:
    for parameters, field in (({"seed": -1}, "parameters.seed"), ({"time_budget_s": 0.5}, "parameters.time_budget")):
        with pytest.raises(InvalidInputError) as caught:
            client.create_training_job(**parameters)
        assert [v.field for v in caught.value.violations] == [field]

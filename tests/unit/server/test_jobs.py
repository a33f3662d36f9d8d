import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firstlight.server.jobs import JobRunner, train_command
from firstlight.settings import Settings, init_home
from firstlight.store import JobRecord, JobState, Store, open_store

PARAMETERS = {"preset": "small", "seed": 3, "time_budget_s": 90.0}

TRAINER = """
import os, signal, sys, time
from firstlight.store import open_store
url, job, then = sys.argv[1:]
store = open_store(url)
def stop(*_):
    store.update_job(job, state="CANCELLED")
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
store.update_job(job, state="RUNNING", pid=os.getpid(), stage=f"nice {os.nice(0)}")
print("training", os.environ.get("FIRSTLIGHT_SERVE__LOG_FORMAT"), flush=True)
if then == "crash":
    os._exit(7)
if then == "sleep":
    time.sleep(60)
store.update_job(job, state="SUCCEEDED", bundle_id="b")
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return init_home(tmp_path / "home")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = open_store(settings)
    yield opened
    opened.close()


@pytest.fixture
def runner(settings: Settings, store: Store) -> Iterator[Callable[[str], JobRunner]]:
    made: list[JobRunner] = []

    def make(then: str) -> JobRunner:
        def command(_: Path, job: JobRecord) -> list[str]:
            return [sys.executable, "-c", TRAINER, settings.store_url, job.job_id, then]

        made.append(JobRunner(settings, store, command=command))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def reach(runner: JobRunner, store: Store, job: JobRecord, *states: JobState) -> JobRecord:
    deadline = time.monotonic() + 30
    while (now := store.get_job(job.job_id)).state not in states:
        assert time.monotonic() < deadline, now
        runner.poll()
        time.sleep(0.05)
    return now


def test_the_command_carries_the_parameters(settings: Settings, store: Store) -> None:
    job = store.create_job("shop", PARAMETERS)
    command = train_command(settings.home, job)
    assert command[1:4] == ["-m", "firstlight.cli", "train"]
    options = dict(zip(command[4::2], command[5::2], strict=True))
    assert options == {
        "--job": job.job_id,
        "--home": str(settings.home),
        "--catalog": "shop",
        "--preset": "small",
        "--seed": "3",
        "--time-budget": "1.5",
    }


def test_a_job_runs_at_low_priority_to_its_end(
    runner: Callable[[str], JobRunner], store: Store, settings: Settings
) -> None:
    job = store.create_job("default", PARAMETERS)
    done = reach(runner("succeed"), store, job, JobState.SUCCEEDED)
    assert done.bundle_id == "b"
    assert done.stage == f"nice {os.nice(0) + 10}"
    assert "training text" in (settings.home / "logs" / f"train-{job.job_id}.log").read_text(encoding="utf-8")


def test_a_job_that_dies_has_failed(runner: Callable[[str], JobRunner], store: Store) -> None:
    job = store.create_job("default", PARAMETERS)
    failed = reach(runner("crash"), store, job, JobState.FAILED)
    assert "code 7" in failed.error
    assert f"train-{job.job_id}.log" in failed.error


def test_a_cancelled_job_ends_before_the_next_begins(runner: Callable[[str], JobRunner], store: Store) -> None:
    jobs = runner("sleep")
    job = store.create_job("default", PARAMETERS)
    running = reach(jobs, store, job, JobState.RUNNING)
    store.update_job(job.job_id, state=JobState.CANCELLED)
    following = store.create_job("default", PARAMETERS)
    reach(jobs, store, following, JobState.RUNNING)
    assert not Path(f"/proc/{running.pid}").exists()
    assert store.get_job(job.job_id).state is JobState.CANCELLED


def test_a_job_cancelled_before_it_began_never_begins(runner: Callable[[str], JobRunner], store: Store) -> None:
    jobs = runner("crash")
    job = store.create_job("default", PARAMETERS)
    store.update_job(job.job_id, state=JobState.CANCELLED)
    jobs.poll()
    assert store.get_job(job.job_id).pid is None


def test_stopping_ends_the_process(runner: Callable[[str], JobRunner], store: Store) -> None:
    jobs = runner("sleep")
    job = store.create_job("default", PARAMETERS)
    running = reach(jobs, store, job, JobState.RUNNING)
    jobs.stop()
    assert not Path(f"/proc/{running.pid}").exists()
    assert store.get_job(job.job_id).state is JobState.CANCELLED


def test_lost_jobs_have_failed_and_their_processes_end(
    runner: Callable[[str], JobRunner], store: Store, settings: Settings
) -> None:
    lost = store.create_job("default", PARAMETERS)
    orphan = subprocess.Popen([sys.executable, "-c", TRAINER, settings.store_url, lost.job_id, "sleep"])
    deadline = time.monotonic() + 30
    while store.get_job(lost.job_id).state is not JobState.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stranger = store.create_job("other", PARAMETERS)
    store.update_job(stranger.job_id, state=JobState.RUNNING, pid=os.getpid())
    waiting = store.create_job("third", PARAMETERS)
    jobs = runner("succeed")
    jobs.poll()
    for job in (lost, stranger):
        assert store.get_job(job.job_id).state is JobState.FAILED
        assert "lost" in store.get_job(job.job_id).error
    assert orphan.wait(20) == 143
    reach(jobs, store, waiting, JobState.SUCCEEDED)


def test_two_servers_of_one_home_start_a_job_once(runner: Callable[[str], JobRunner], store: Store) -> None:
    first, second = runner("sleep"), runner("sleep")
    first.poll()
    job = store.create_job("default", PARAMETERS)
    second.poll()
    assert store.get_job(job.job_id).pid is None
    reach(first, store, job, JobState.RUNNING)

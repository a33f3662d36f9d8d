import os

import pytest

from firstlight.cli.job import JobLog, recorded
from firstlight.cli.run import Terminated
from firstlight.errors import PreconditionError
from firstlight.store import JobState, open_store


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'test.db'}")
    yield store
    store.close()


@pytest.fixture
def job_id(store):
    return store.create_job("default", {"preset": "small"}).job_id


def test_a_run_that_ends_well(store, job_id):
    with recorded(store, job_id) as log:
        log("refit", 0.25)
        job = store.get_job(job_id)
        assert (job.state, job.stage, job.progress, job.pid) == (JobState.RUNNING, "refit", 0.25, os.getpid())
        log.succeeded("b1", note="the gate refused it")
    job = store.get_job(job_id)
    assert (job.state, job.bundle_id, job.error, job.progress) == (JobState.SUCCEEDED, "b1", "the gate refused it", 1.0)


@pytest.mark.parametrize(
    ("error", "state", "text"),
    [
        (PreconditionError("no items"), JobState.FAILED, "no items"),
        (ZeroDivisionError("by zero"), JobState.FAILED, "ZeroDivisionError: by zero"),
        (KeyboardInterrupt(), JobState.CANCELLED, ""),
        (Terminated(), JobState.CANCELLED, ""),
    ],
)
def test_a_run_that_is_ended_leaves_its_cause_and_raises_it_again(store, job_id, error, state, text):
    with pytest.raises(type(error)), recorded(store, job_id):
        raise error
    job = store.get_job(job_id)
    assert (job.state, job.error) == (state, text)


def test_progress_is_written_rarely_but_a_new_stage_always():
    written = []

    class Recorder:
        def update_job(self, job_id, *, stage, progress):
            written.append((stage, progress))

    log = JobLog(Recorder(), "j")
    for share in (0.0, 0.1, 0.2):
        log("fit", share)
    log("export", 0.0)
    assert written == [("fit", 0.0), ("export", 0.0)]

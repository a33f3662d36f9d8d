from __future__ import annotations

import pytest

from firstlight.errors import NotFoundError, PreconditionError, Reason
from firstlight.store import JobState


def test_a_job_from_start_to_end(store):
    job = store.create_job("default", {"preset": "small", "seed": 3})
    assert (job.state, job.progress, job.pid, job.parameters) == (
        JobState.PENDING,
        0,
        None,
        {"preset": "small", "seed": 3},
    )
    store.update_job(job.job_id, state="RUNNING", pid=42)
    store.update_job(job.job_id, stage="fit", progress=0.5)
    done = store.update_job(job.job_id, state=JobState.SUCCEEDED, progress=1.0, bundle_id="b")
    assert store.get_job(job.job_id) == done
    assert (done.state, done.stage, done.progress, done.pid, done.bundle_id) == (JobState.SUCCEEDED, "fit", 1, 42, "b")
    assert done.updated_at >= done.created_at


def test_one_active_job_a_catalogue(store):
    job = store.create_job("default", {})
    store.create_job("other", {})
    with pytest.raises(PreconditionError, match=job.job_id) as caught:
        store.create_job("default", {})
    assert caught.value.reason is Reason.TRAINING_JOB_RUNNING
    store.update_job(job.job_id, state=JobState.FAILED, error="lost")
    assert store.create_job("default", {}).job_id != job.job_id


@pytest.mark.parametrize("final", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
def test_a_job_that_is_over_stays_as_it_is(store, final):
    job = store.create_job("default", {})
    over = store.update_job(job.job_id, state=final)
    assert store.update_job(job.job_id, state=JobState.RUNNING, progress=0.9) == over


def test_unknown_jobs_and_states(store):
    for action in (store.get_job, store.update_job):
        with pytest.raises(NotFoundError) as caught:
            action("nothing")
        assert caught.value.reason is Reason.TRAINING_JOB_NOT_FOUND
    with pytest.raises(ValueError, match="DONE"):
        store.update_job(store.create_job("default", {}).job_id, state="DONE")


def test_listing_is_newest_first_in_pages(store):
    ids = []
    for _ in range(3):
        job = store.create_job("default", {})
        store.update_job(job.job_id, state=JobState.CANCELLED)
        ids.append(job.job_id)
    other = store.create_job("other", {}).job_id
    ids.sort(reverse=True)
    assert [job.job_id for job in store.list_jobs("default", limit=2)] == ids[:2]
    assert [job.job_id for job in store.list_jobs("default", after=ids[1])] == ids[2:]
    assert {job.job_id for job in store.list_jobs()} == {*ids, other}


def test_evaluations_are_kept_newest_first(store):
    store.save_evaluation("default", None, "new-user", {"ndcg": {"k=1": 0.5}})
    store.save_evaluation("default", "b", "warm", {})
    first, second = store.list_evaluations("default")
    assert (first.bundle_id, first.protocol) == ("b", "warm")
    assert (second.bundle_id, second.result) == (None, {"ndcg": {"k=1": 0.5}})

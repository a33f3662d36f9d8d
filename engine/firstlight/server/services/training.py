"""``firstlight.v1.TrainingService``: rows in SQL; the supervisor starts and stops the processes they stand for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from firstlight.errors import NotFoundError, PreconditionError, Reason, UnavailableError
from firstlight.server import limits, to_proto
from firstlight.server.backend import Backend
from firstlight.server.checks import Checks
from firstlight.server.paging import Page
from firstlight.store import JobRecord, JobState
from firstlight.v1 import training_service_pb2 as pb
from firstlight.v1.training_job_pb2 import TrainingParameters
from firstlight.v1.training_service_pb2_grpc import TrainingServiceServicer

WATCH_INTERVAL_S = 0.25


class TrainingService(TrainingServiceServicer):
    """Creates and follows training jobs."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._store = backend.store

    async def CreateTrainingJob(
        self, request: pb.CreateTrainingJobRequest, context: Any
    ) -> pb.CreateTrainingJobResponse:
        """Queue a job."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            parameters = self._parameters(request.parameters, checks)
        if find_spec("torch") is None:
            raise PreconditionError(
                "this server is installed without training: pip install 'firstlight[train]'",
                reason=Reason.EXTRA_NOT_INSTALLED,
            )
        job = await self._backend.writing(self._store.create_job, catalog_id, parameters)
        return pb.CreateTrainingJobResponse(job=to_proto.job(job))

    async def GetTrainingJob(self, request: pb.GetTrainingJobRequest, context: Any) -> pb.GetTrainingJobResponse:
        """One job."""
        return pb.GetTrainingJobResponse(job=to_proto.job(await self._find(request)))

    async def ListTrainingJobs(self, request: pb.ListTrainingJobsRequest, context: Any) -> pb.ListTrainingJobsResponse:
        """A page of jobs."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            page = Page.of(request, "jobs", checks)
        found = await self._backend.blocking(self._store.list_jobs, catalog_id, limit=page.size + 1, after=page.after)
        jobs, token = page.cut(found, lambda job: job.job_id)
        return pb.ListTrainingJobsResponse(jobs=map(to_proto.job, jobs), next_page_token=token)

    async def CancelTrainingJob(
        self, request: pb.CancelTrainingJobRequest, context: Any
    ) -> pb.CancelTrainingJobResponse:
        """Mark a job as cancelled; the supervisor ends the process of such a job."""
        job = await self._find(request)
        job = await self._backend.writing(self._store.update_job, job.job_id, state=JobState.CANCELLED)
        return pb.CancelTrainingJobResponse(job=to_proto.job(job))

    async def WatchTrainingJob(
        self, request: pb.WatchTrainingJobRequest, context: Any
    ) -> AsyncIterator[pb.WatchTrainingJobResponse]:
        """Every state of a job that differs from the one before."""
        shown = None
        while not self._backend.draining.is_set():
            job = await self._find(request)
            if job != shown:
                shown = job
                yield pb.WatchTrainingJobResponse(job=to_proto.job(job))
            if job.state.final:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._backend.draining.wait(), WATCH_INTERVAL_S)
        raise UnavailableError("the server stops; the job's state stays in the store")

    async def _find(
        self, request: pb.GetTrainingJobRequest | pb.CancelTrainingJobRequest | pb.WatchTrainingJobRequest
    ) -> JobRecord:
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            job_id = checks.id(request.job_id, "job_id")
        job = await self._backend.blocking(self._store.get_job, job_id)
        if job.catalog_id != catalog_id:
            message = f"catalogue {catalog_id!r} has no training job {job_id!r}"
            raise NotFoundError(message, reason=Reason.TRAINING_JOB_NOT_FOUND)
        return job

    def _parameters(self, message: TrainingParameters, checks: Checks) -> dict[str, Any]:
        """What a job is created with, completed from the settings."""
        train = self._backend.settings.train
        preset: str = train.preset
        if message.preset not in TrainingParameters.Preset.values():
            checks.add("parameters.preset", "is none of the presets")
        elif message.preset:
            preset = TrainingParameters.Preset.Name(message.preset).removeprefix("PRESET_").lower()
        if message.HasField("seed") and message.seed < 0:
            checks.add("parameters.seed", "must not be negative")
        budget_s = None if train.time_budget_min is None else train.time_budget_min * 60
        if message.HasField("time_budget"):
            budget_s = message.time_budget.seconds + message.time_budget.nanos / 1e9
            if not limits.MIN_TIME_BUDGET_S <= budget_s <= limits.MAX_TIME_BUDGET_S:
                checks.add("parameters.time_budget", "must be 1 minute to 7 days")
        seed = message.seed if message.HasField("seed") else train.seed
        return {"preset": preset, "seed": seed, "time_budget_s": budget_s}

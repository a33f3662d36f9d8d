"""Training jobs and evaluation results."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from firstlight.errors import NotFoundError, PreconditionError, Reason
from firstlight.store.database import now_us
from firstlight.store.records import EvaluationRecord, JobRecord, JobState
from firstlight.store.repository import Repository, at, ensure_catalog
from firstlight.store.tables import evaluations, training_jobs

_ACTIVE = [state.value for state in JobState if not state.final]


class Jobs(Repository):
    """Training jobs, at most one active per catalogue; and evaluations."""

    def create_job(self, catalog_id: str, parameters: Mapping[str, Any]) -> JobRecord:
        """A new PENDING job. Job ids grow with time.

        Raises:
            PreconditionError: TRAINING_JOB_RUNNING: another job of the catalogue is not over.
        """
        now = now_us()
        job_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        row = {
            "job_id": job_id,
            "catalog_id": catalog_id,
            "state": JobState.PENDING.value,
            "stage": "",
            "progress": 0.0,
            "error": "",
            "bundle_id": "",
            "parameters": json.dumps(dict(parameters)),
            "created_us": now,
            "updated_us": now,
        }
        with self._database.write() as connection:
            ensure_catalog(connection, catalog_id)
            query = select(training_jobs.c.job_id).where(training_jobs.c.catalog_id == catalog_id)
            active = connection.execute(query.where(training_jobs.c.state.in_(_ACTIVE))).scalar()
            if active:
                raise PreconditionError(
                    f"training job {active} of catalogue {catalog_id!r} is still active",
                    reason=Reason.TRAINING_JOB_RUNNING,
                    metadata={"job_id": active},
                )
            connection.execute(insert(training_jobs), row)
            return _get(connection, job_id)

    def get_job(self, job_id: str) -> JobRecord:
        """One job.

        Raises:
            NotFoundError: TRAINING_JOB_NOT_FOUND.
        """
        with self._database.read() as connection:
            return _get(connection, job_id)

    def list_jobs(self, catalog_id: str | None = None, *, limit: int = 1000, after: str = "") -> list[JobRecord]:
        """Up to ``limit`` jobs of a catalogue (of all without one), newest first, beginning below id ``after``."""
        query = select(training_jobs)
        if catalog_id is not None:
            query = query.where(training_jobs.c.catalog_id == catalog_id)
        if after:
            query = query.where(training_jobs.c.job_id < after)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(training_jobs.c.job_id.desc()).limit(limit))
            return [_job(row) for row in rows]

    def update_job(
        self,
        job_id: str,
        *,
        state: JobState | str | None = None,
        stage: str | None = None,
        progress: float | None = None,
        error: str | None = None,
        bundle_id: str | None = None,
        pid: int | None = None,
    ) -> JobRecord:
        """Change what is given and return the job. A job in a final state stays as it is.

        Raises:
            NotFoundError: TRAINING_JOB_NOT_FOUND.
        """
        given = {
            "state": None if state is None else JobState(state).value,
            "stage": stage,
            "progress": progress,
            "error": error,
            "bundle_id": bundle_id,
            "pid": pid,
        }
        values = {name: value for name, value in given.items() if value is not None}
        same = (training_jobs.c.job_id == job_id, training_jobs.c.state.in_(_ACTIVE))
        with self._database.write() as connection:
            connection.execute(update(training_jobs).where(*same).values(**values, updated_us=now_us()))
            return _get(connection, job_id)

    def save_evaluation(self, catalog_id: str, bundle_id: str | None, protocol: str, result: Mapping[str, Any]) -> None:
        """Keep the result of an evaluation; ``result`` is JSON."""
        row = {
            "catalog_id": catalog_id,
            "bundle_id": bundle_id,
            "protocol": protocol,
            "result": json.dumps(dict(result)),
            "created_us": now_us(),
        }
        with self._database.write() as connection:
            ensure_catalog(connection, catalog_id)
            connection.execute(insert(evaluations), row)

    def list_evaluations(self, catalog_id: str, *, limit: int = 1000) -> list[EvaluationRecord]:
        """The last ``limit`` evaluations, newest first."""
        query = select(evaluations).where(evaluations.c.catalog_id == catalog_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(evaluations.c.evaluation_id.desc()).limit(limit))
            return [
                EvaluationRecord(
                    row.catalog_id, row.bundle_id, row.protocol, json.loads(row.result), at(row.created_us)
                )
                for row in rows
            ]


def _get(connection: Connection, job_id: str) -> JobRecord:
    row = connection.execute(select(training_jobs).where(training_jobs.c.job_id == job_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no training job {job_id!r}", reason=Reason.TRAINING_JOB_NOT_FOUND)
    return _job(row)


def _job(row: Row[Any]) -> JobRecord:
    return JobRecord(
        job_id=row.job_id,
        catalog_id=row.catalog_id,
        state=JobState(row.state),
        stage=row.stage,
        progress=row.progress,
        error=row.error,
        bundle_id=row.bundle_id,
        pid=row.pid,
        parameters=json.loads(row.parameters),
        created_at=at(row.created_us),
        updated_at=at(row.updated_us),
    )

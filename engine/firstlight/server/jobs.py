"""Training jobs as processes: the rows of SQL are the orders, ``firstlight train --job`` is who carries them out."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from firstlight.errors import FirstlightError
from firstlight.settings import Settings
from firstlight.store import JobRecord, JobState, Store

POLL_S = 0.5
NICENESS = 10
KILL_AFTER_S = 15.0
"""A process that was asked to end gets this long."""

log = logging.getLogger(__name__)


def train_command(home: Path, job: JobRecord) -> list[str]:
    """``firstlight train`` for ``job``."""
    given = job.parameters
    command = [sys.executable, "-m", "firstlight.cli", "train", "--job", job.job_id, "--home", str(home)]
    command += ["--catalog", job.catalog_id, "--preset", given["preset"], "--seed", str(given["seed"])]
    if given["time_budget_s"] is not None:
        command += ["--time-budget", str(given["time_budget_s"] / 60)]
    return command


@dataclass(slots=True)
class _Run:
    """A job at work. ``kill_at``: when it is killed; None before it was asked to end."""

    job: JobRecord
    process: subprocess.Popen[bytes]
    kill_at: float | None = None

    def end(self) -> None:
        """Ask for the end, and insist after a while."""
        if self.kill_at is None:
            self.process.terminate()
            self.kill_at = time.monotonic() + KILL_AFTER_S
        elif time.monotonic() >= self.kill_at:
            self.process.kill()


class JobRunner:
    """Starts pending jobs, ends cancelled ones, marks dead ones. One runner is at work for each home."""

    def __init__(
        self, settings: Settings, store: Store, *, command: Callable[[Path, JobRecord], list[str]] = train_command
    ) -> None:
        """``command(home, job)``: the process of a job; it writes the job's state, from RUNNING to a final one."""
        self._home = settings.home
        self._environment = {**os.environ, "FIRSTLIGHT_SERVE__LOG_FORMAT": settings.serve.log_format}
        self._store = store
        self._command = command
        self._lock: IO[bytes] | None = None
        self._runs: dict[str, _Run] = {}
        self._next_poll = 0.0
        (self._home / "logs").mkdir(exist_ok=True)

    def poll(self) -> None:
        """Look at the jobs, at most every half second. A store that does not answer is asked again."""
        if time.monotonic() < self._next_poll:
            return
        self._next_poll = time.monotonic() + POLL_S
        try:
            if self._leads():
                self._step()
        except (FirstlightError, OSError) as error:
            log.warning("training jobs could not be looked at: %s", error)

    def stop(self) -> None:
        """End every job's process and wait for it; the processes mark their jobs as cancelled."""
        for run in self._runs.values():
            run.end()
        for run in self._runs.values():
            with suppress(subprocess.TimeoutExpired):
                run.process.wait(KILL_AFTER_S)
        self.kill()
        if self._lock is not None:
            self._lock.close()

    def kill(self) -> None:
        """End every job's process at once."""
        for run in self._runs.values():
            run.process.kill()
            run.process.wait()

    def _leads(self) -> bool:
        """Whether this runner is the one of its home: two servers of one home must not start a job twice."""
        if self._lock is None:
            lock = (self._home / "logs" / "training.lock").open("wb")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return False
            self._lock = lock
            self._recover()
        return True

    def _recover(self) -> None:
        """Jobs that an earlier server left at work are lost: end what may still run, and say so."""
        for job in self._store.list_jobs():
            if not job.state.final and job.pid is not None:
                error = "lost: the server that ran it stopped before it was done"
                self._store.update_job(job.job_id, state=JobState.FAILED, error=error)
                if _runs_job(job.pid, job.job_id):
                    os.kill(job.pid, signal.SIGTERM)

    def _step(self) -> None:
        for catalog_id, run in list(self._runs.items()):
            code = run.process.poll()
            job = self._store.get_job(run.job.job_id)
            if code is None:
                if job.state.final:
                    run.end()
                continue
            del self._runs[catalog_id]
            if not job.state.final:
                error = f"its process ended with code {code}; see {_log_path(self._home, job.job_id)}"
                self._store.update_job(job.job_id, state=JobState.FAILED, error=error)
        for job in reversed(self._store.list_jobs(limit=100)):
            if job.state is JobState.PENDING and job.catalog_id not in self._runs:
                self._start(job)

    def _start(self, job: JobRecord) -> None:
        with _log_path(self._home, job.job_id).open("wb") as output:
            # A session of its own: Ctrl-C reaches the supervisor alone, which then ends the job in order.
            process = subprocess.Popen(
                self._command(self._home, job),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self._environment,
            )
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        self._runs[job.catalog_id] = _Run(job, process)
        self._store.update_job(job.job_id, pid=process.pid)


def _log_path(home: Path, job_id: str) -> Path:
    return home / "logs" / f"train-{job_id}.log"


def _runs_job(pid: int, job_id: str) -> bool:
    """Whether process ``pid`` still is that job's, and no stranger with the same number."""
    try:
        return job_id.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False

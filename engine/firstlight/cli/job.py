"""A training run that a server started: its progress, end and cause of failure go to SQL."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from firstlight.errors import FirstlightError

if TYPE_CHECKING:
    from firstlight.store import Store

INTERVAL_S = 0.5
"""Progress is written at most this often; the start of a stage always is."""


class JobLog:
    """One job's rows in SQL; calling it reports progress."""

    def __init__(self, store: Store, job_id: str) -> None:
        self._store = store
        self._job_id = job_id
        self._stage = ""
        self._written_at = 0.0

    def __call__(self, stage: str, share: float) -> None:
        """Record ``share`` of ``stage``."""
        now = time.monotonic()
        if stage != self._stage or now - self._written_at >= INTERVAL_S:
            self._stage, self._written_at = stage, now
            self._store.update_job(self._job_id, stage=stage, progress=share)

    def succeeded(self, bundle_id: str, note: str = "") -> None:
        """The run wrote ``bundle_id``."""
        self._store.update_job(self._job_id, state="SUCCEEDED", progress=1.0, bundle_id=bundle_id, error=note)


@contextmanager
def recorded(store: Store, job_id: str) -> Iterator[JobLog]:
    """Run a block as job ``job_id``: RUNNING, then what became of it. What the block raises is raised again."""
    store.update_job(job_id, state="RUNNING", pid=os.getpid())
    try:
        yield JobLog(store, job_id)
    except Exception as error:
        text = str(error) if isinstance(error, FirstlightError) else f"{type(error).__name__}: {error}"
        store.update_job(job_id, state="FAILED", error=text)
        raise
    except BaseException:  # Ctrl-C and SIGTERM
        store.update_job(job_id, state="CANCELLED")
        raise

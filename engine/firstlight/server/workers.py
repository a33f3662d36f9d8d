"""The places of workers: each filled by a process, and by another one where that dies, hangs or is to be replaced."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from firstlight.server.handshake import Drain
from firstlight.server.process import WorkerProcess
from firstlight.settings import Settings

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
HEALTHY_S = 30.0
"""A worker that lived this long starts anew without a pause."""

STOP_MARGIN_S = 10.0
"""Time a worker gets to end beyond what draining may take."""

log = logging.getLogger(__name__)


class Worker:
    """The place of one worker. ``failure``: why its last process did not start."""

    def __init__(self, settings: Settings, address: str, own_address: str) -> None:
        self.failure = ""
        self._serve = settings.serve
        self._settings = settings.model_dump(mode="json")
        self._addresses = (address, own_address)
        self._process: WorkerProcess | None = None
        self._successor: WorkerProcess | None = None
        self._leaving: WorkerProcess | None = None
        self._leave_until = 0.0
        self._start_at = 0.0
        self._pause_s = 0.0

    @property
    def ready(self) -> bool:
        """Whether a process serves here."""
        return self._process is not None and self._process.ready

    @property
    def settled(self) -> bool:
        """Whether a process serves here and nothing is under way."""
        return self.ready and not self._wants_successor and self._leaving is None

    def watch(self, elapsed_s: float) -> None:
        """Do what is due. ``elapsed_s``: seconds since the last look, of those in which the supervisor ran."""
        self._see_off()
        if self._process is None:
            self._process = self._started()
            return
        self._process.hear(elapsed_s)
        if self._process.code is not None:
            self._bury(self._process)
            self._process, self._successor = self._successor, None
        elif self._process.ready and self._process.silent_s > self._serve.hang_timeout_s:
            log.error("worker %d hangs and is killed", self._process.pid)
            self._process.kill()
        elif self._wants_successor:
            self._hand_over(self._process, elapsed_s)

    def renew(self) -> None:
        """Replace the process: a new one serves before the old one ends."""
        if self._process is not None:
            self._process.wants_successor = True

    def stop(self, how: Drain) -> None:
        """Tell every process to end."""
        for process in self._processes():
            process.hear(0.0)
            process.drain(how)

    def kill(self) -> None:
        """End every process at once."""
        for process in self._processes():
            process.kill()

    def wait(self) -> None:
        """Wait for the end of every process; kill those that take longer than they may."""
        deadline = time.monotonic() + self._drain_s
        for process in self._processes():
            if not process.wait(max(0.0, deadline - time.monotonic())):
                self._insist(process)
            process.close()

    @property
    def _wants_successor(self) -> bool:
        return self._process is not None and self._process.wants_successor

    @property
    def _drain_s(self) -> float:
        return self._serve.drain_delay_s + self._serve.drain_timeout_s + STOP_MARGIN_S

    def _processes(self) -> Iterator[WorkerProcess]:
        yield from filter(None, (self._process, self._successor, self._leaving))

    def _started(self) -> WorkerProcess | None:
        """A new process, not sooner than the pause allows."""
        return WorkerProcess(self._settings, *self._addresses) if time.monotonic() >= self._start_at else None

    def _hand_over(self, process: WorkerProcess, elapsed_s: float) -> None:
        """Let a successor serve, then let ``process`` end; only one at a time ends here."""
        if self._successor is None:
            self._successor = None if self._leaving else self._started()
            return
        self._successor.hear(elapsed_s)
        if self._successor.code is not None:
            self._bury(self._successor)
            self._successor = None
        elif self._successor.ready:
            log.info("worker %d is replaced by worker %d", process.pid, self._successor.pid)
            process.drain(Drain.OWN_PORT)
            self._leaving, self._leave_until = process, time.monotonic() + self._drain_s
            self._process, self._successor = self._successor, None

    def _see_off(self) -> None:
        if self._leaving is None:
            return
        if self._leaving.code is not None:
            self._leaving.close()
            self._leaving = None
        elif time.monotonic() > self._leave_until:
            self._insist(self._leaving)

    def _insist(self, process: WorkerProcess) -> None:
        log.error("worker %d did not end within %.0f s and is killed", process.pid, self._drain_s)
        process.kill()
        process.wait(STOP_MARGIN_S)

    def _bury(self, process: WorkerProcess) -> None:
        self.failure = process.failure
        grown_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, self._pause_s * 2))
        self._pause_s = 0.0 if process.lived_s > HEALTHY_S else grown_s
        self._start_at = time.monotonic() + self._pause_s
        log.error(
            "worker %d ended with code %s; another one starts in %.1f s", process.pid, process.code, self._pause_s
        )
        process.close()

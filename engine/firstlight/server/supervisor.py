"""The main process of ``firstlight serve``: it holds the port and watches workers and training jobs, no more.

No gRPC object lives here, so processes can be started at any time.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from firstlight.errors import UnavailableError
from firstlight.server.claim import Claim
from firstlight.server.handshake import Drain
from firstlight.server.jobs import JobRunner
from firstlight.server.workers import Worker
from firstlight.settings import Settings
from firstlight.store import Store

TICK_S = 0.05
LONGEST_TICK_S = 0.25
"""Of a longer pause the supervisor itself did not run the rest: nor may the workers have, and none of them hangs."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger(__name__)


class Supervisor:
    """Of all workers of a server, and of the training jobs of its home."""

    def __init__(self, settings: Settings, store: Store, workers: list[Worker], claim: Claim) -> None:
        self._workers = workers
        self._claim = claim
        self._to_renew: list[Worker] = []
        self._jobs = JobRunner(settings, store)
        self._stopping = False
        self._looked_at = time.monotonic()

    def run(self, on_ready: Callable[[], None]) -> None:
        """Watch until a signal comes, then end in order."""
        handlers = {**dict.fromkeys(STOP_SIGNALS, self._on_stop), signal.SIGHUP: self._on_hang_up}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            self._until_ready()
            if not self._stopping:
                self._succeed()
                on_ready()
            while not self._stopping:
                self._watch()
                self._renew()
                self._jobs.poll()
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _until_ready(self) -> None:
        """Until every worker answered once; what keeps one from it now would keep it from it again."""
        while not self._stopping and not all(worker.ready for worker in self._workers):
            self._watch()
            for worker in self._workers:
                if worker.failure:
                    raise UnavailableError(f"the server does not start: {worker.failure}")

    def _succeed(self) -> None:
        """Take the place of another server at the same address, and tell it to end."""
        predecessor = self._claim.take()
        if predecessor is not None:
            log.info("taking over from process %d", predecessor)
            with suppress(ProcessLookupError):  # it has ended by itself
                os.kill(predecessor, signal.SIGTERM)

    def _watch(self) -> None:
        now = time.monotonic()
        elapsed_s, self._looked_at = min(now - self._looked_at, LONGEST_TICK_S), now
        for worker in self._workers:
            worker.watch(elapsed_s)
        time.sleep(TICK_S)

    def _renew(self) -> None:
        """Go on with the replacement of all workers, one at a time."""
        if self._to_renew and all(worker.settled for worker in self._workers):
            self._to_renew.pop(0).renew()

    def _stop(self) -> None:
        how = Drain.SILENTLY if self._claim.lost else Drain.EVERYWHERE
        for worker in self._workers:
            worker.stop(how)
        self._jobs.stop()
        for worker in self._workers:
            worker.wait()

    def _on_hang_up(self, _number: int, _frame: FrameType | None) -> None:
        self._to_renew = list(self._workers)

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        if self._stopping:
            for worker in self._workers:
                worker.kill()
            self._jobs.kill()
            os._exit(128 + number)
        self._stopping = True

"""Keeps a worker's recommender up to what other processes, and its own writes, have committed."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import Executor
from contextlib import suppress

from firstlight.errors import DeadlineError
from firstlight.pipeline import Recommender, unknown_write
from firstlight.server import metrics
from firstlight.store import Store

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""Pause after a failure: the store may be down for a while."""


class Follower:
    """Applies the store's changes every ``interval_s``, and at once when woken."""

    def __init__(self, recommender: Recommender, store: Store, executor: Executor, *, interval_s: float) -> None:
        self._recommender = recommender
        self._store = store
        self._executor = executor
        self._interval_s = interval_s
        self._woken = asyncio.Event()
        self._moved = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._looked_at = time.monotonic()
        """When the last look began that succeeded: it may just have missed a change."""

    def start(self) -> None:
        """Begin to follow."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop following."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        """There is something to apply."""
        self._woken.set()

    async def reach(self, token: int, *, timeout_s: float) -> None:
        """Return once change ``token`` was applied.

        Raises:
            DeadlineError: it was not within ``timeout_s``.
            InvalidInputError: no such change was ever made.
        """
        if self._recommender.token >= token:
            return
        last = await asyncio.get_running_loop().run_in_executor(self._executor, self._store.last_token)
        if token > last:
            raise unknown_write()
        self.wake()
        try:
            async with asyncio.timeout(timeout_s), self._moved:
                await self._moved.wait_for(lambda: self._recommender.token >= token)
        except TimeoutError:
            raise DeadlineError("the write that min_write_token names was not visible before the deadline") from None

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            pause_s = self._interval_s
            try:
                await self._look()
            except Exception:
                log.exception("changes could not be followed; trying again in %g s", RETRY_S)
                pause_s = RETRY_S
            async with self._moved:
                self._moved.notify_all()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), pause_s)

    async def _look(self) -> None:
        began, before = time.monotonic(), self._recommender.token
        await asyncio.get_running_loop().run_in_executor(self._executor, self._recommender.follow)
        if self._recommender.token > before:
            metrics.LAG.observe(time.monotonic() - self._looked_at)
        self._looked_at = began

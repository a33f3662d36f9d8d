"""The one thread of a worker that writes, and what waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import ParamSpec, TypeVar

from firstlight.errors import ConflictError, UnavailableError
from firstlight.server import metrics
from firstlight.store import InteractionWrite, Store, WriteResult

P = ParamSpec("P")
T = TypeVar("T")

MOST_TOGETHER = 5_000
"""Interactions in one transaction, where each write that waits has fewer."""

_Waiting = tuple[InteractionWrite, "asyncio.Future[WriteResult]"]


class Writer:
    """Writes one transaction after another. Interactions that arrive while one runs go into the next one together:
    waiting for the disk is most of what a small write costs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="firstlight-writer")
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._longest_s = 0.0

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a call that writes."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(function, *args, **kwargs))

    async def interactions(self, write: InteractionWrite) -> WriteResult:
        """Write interactions; returns after the commit, with what became of this write alone."""
        written: asyncio.Future[WriteResult] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, written))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_waiting())
        return await written

    def close(self) -> None:
        """Finish what runs; what waits is not written."""
        self._thread.shutdown(cancel_futures=True)

    async def _write_waiting(self) -> None:
        while group := self._next_group():
            await self._write(group)

    def _next_group(self) -> list[_Waiting]:
        """The oldest that wait, without those whose callers are gone."""
        group: list[_Waiting] = []
        count = 0
        while self._waiting:
            write, written = self._waiting[0]
            count += len(write.batch)
            if group and count > MOST_TOGETHER:
                break
            self._waiting.popleft()
            if not written.cancelled():
                group.append((write, written))
        return group

    async def _write(self, group: list[_Waiting]) -> None:
        try:
            outcomes = await self.run(self._write_together, [write for write, _ in group])
        except Exception as error:
            if len(group) == 1 or isinstance(error, UnavailableError):
                for _, written in group:
                    _settle(written, error)
            else:  # one of them broke the transaction of all
                for each in group:
                    await self._write([each])
        else:
            for (_, written), outcome in zip(group, outcomes, strict=True):
                _settle(written, outcome)

    def _write_together(self, writes: list[InteractionWrite]) -> list[WriteResult | ConflictError]:
        """One transaction, measured."""
        began = perf_counter()
        outcomes = self._store.write_together(writes)
        took_s = perf_counter() - began
        metrics.TRANSACTION.observe(took_s)
        self._longest_s = max(took_s, self._longest_s)
        metrics.LONGEST_TRANSACTION.set(self._longest_s)
        return outcomes


def _settle(written: asyncio.Future[WriteResult], outcome: WriteResult | Exception) -> None:
    if written.done():  # the caller is gone
        return
    if isinstance(outcome, Exception):
        written.set_exception(outcome)
    else:
        written.set_result(outcome)

"""Calls that wait at the same time are answered together: most of what an answer costs is paid once a batch."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from firstlight.domain import Query
from firstlight.errors import DeadlineError, FirstlightError
from firstlight.logs import REQUEST_IDS
from firstlight.pipeline import Recommendation

LARGEST = 32
"""Queries in one batch: each answer waits for the whole of it."""

WINDOW_S = 0.001
"""A call that meets a busy server waits this long for others to come along, and again after those that did."""

PATIENCE = 4
"""After a full batch the window is so many times as long: its callers come again, and taking calls in costs time."""

LONELY, SKIPPED = 4, 8
"""Where nobody came along in four windows in a row, eight are skipped after each that is no different: a single caller,
for whom the server is busy with nobody else, waits once in nine calls."""

HURRY_S = 0.1
"""A call with less than this left waits for nobody, and hurries nobody else's components."""

Answer = Callable[[str, Sequence[Query], float], Awaitable[Sequence[Recommendation]]]
"""``(catalog_id, queries, deadline)`` to answers; the deadline by the loop's clock."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    query: Query
    deadline: float
    answer: asyncio.Future[Recommendation]
    request_ids: tuple[str, ...]
    came_s: float


class Batching:
    """Hands on queries of one catalogue together; one that comes to an idle server goes on at once."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._waiting: dict[str, list[_Waiting]] = defaultdict(list)
        self._windows: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last, self._took_s, self._ended_s = 1, 0.0, 0.0
        """Queries that were answered last, how long it took, and when it ended."""
        self.ahead = 0
        """Queries that came and are not answered, less those whose callers are gone."""
        self._lonely = self._skip = 0

    async def __call__(self, catalog_id: str, query: Query, deadline: float) -> Recommendation:
        """The answer to ``query``.

        Raises:
            FirstlightError: what is wrong with this query, and with no other one.
        """
        self.ahead += 1
        try:
            if deadline - asyncio.get_running_loop().time() < HURRY_S or self._is_alone(catalog_id):
                (answer,) = await self._ask(catalog_id, [query], deadline)
                return answer
            return await self._join(catalog_id, query, deadline)
        finally:
            self.ahead -= 1

    def _is_alone(self, catalog_id: str) -> bool:
        """Whether others are unlikely to come along."""
        if self._waiting[catalog_id]:
            return False
        if self._skip:
            self._skip -= 1
            return True
        return self.ahead == 1 and time.monotonic() > self._ended_s + self._last * WINDOW_S

    def _join(self, catalog_id: str, query: Query, deadline: float) -> asyncio.Future[Recommendation]:
        loop, waiting = asyncio.get_running_loop(), self._waiting[catalog_id]
        waiting.append(_Waiting(query, deadline, loop.create_future(), REQUEST_IDS.get(), time.monotonic()))
        if len(waiting) == 1:
            self._open_window(catalog_id)
        elif len(waiting) == LARGEST:
            self._windows[catalog_id].cancel()
            loop.call_soon(self._start, catalog_id)
        return waiting[-1].answer

    def _open_window(self, catalog_id: str) -> None:
        loop, seen = asyncio.get_running_loop(), len(self._waiting[catalog_id])
        behind_s = max(0.0, time.monotonic() - loop.time())  # the loop's clock stands still while it computes
        window_s = WINDOW_S * (PATIENCE if self._last == LARGEST else 1)
        self._windows[catalog_id] = loop.call_later(behind_s + window_s, self._close_window, catalog_id, seen)

    def _close_window(self, catalog_id: str, seen: int) -> None:
        """Answer who waits, once nobody came along since there were ``seen``, or they waited as long as it takes."""
        waiting = self._waiting[catalog_id]
        if seen < len(waiting) < LARGEST and time.monotonic() < waiting[0].came_s + self._took_s:
            self._open_window(catalog_id)
        else:
            self._start(catalog_id)

    def _start(self, catalog_id: str) -> None:
        waiting = self._waiting[catalog_id]
        batch, self._waiting[catalog_id] = waiting[:LARGEST], waiting[LARGEST:]
        if self._waiting[catalog_id]:
            self._open_window(catalog_id)
        self._lonely = min(LONELY, self._lonely + 1) if len(batch) == 1 else 0
        self._skip = SKIPPED if self._lonely == LONELY else 0
        task = asyncio.create_task(self._run(catalog_id, batch))
        self._tasks.add(task)  # the loop itself does not keep it alive
        task.add_done_callback(self._tasks.discard)

    async def _run(self, catalog_id: str, batch: Sequence[_Waiting]) -> None:
        batch = [one for one in batch if not one.answer.done()]  # a caller may be gone
        now = asyncio.get_running_loop().time()
        for one in batch:
            if one.deadline <= now:  # gRPC has not told yet
                one.answer.set_exception(DeadlineError("the deadline passed while others were answered"))
        hurried = [one for one in batch if now < one.deadline < now + HURRY_S]
        calm = [one for one in batch if one.deadline >= now + HURRY_S]
        for part in (hurried, calm):
            if part:
                await self._run_together(catalog_id, part)

    async def _run_together(self, catalog_id: str, batch: Sequence[_Waiting]) -> None:
        REQUEST_IDS.set(tuple(request_id for one in batch for request_id in one.request_ids))
        try:
            deadline = min(one.deadline for one in batch)
            answers = await self._ask(catalog_id, [one.query for one in batch], deadline)
        except FirstlightError as error:
            if len(batch) > 1:  # whose fault is it?
                for one in batch:
                    await self._run_together(catalog_id, [one])
            elif not batch[0].answer.done():
                batch[0].answer.set_exception(error)
        except Exception as error:
            for one in batch:
                if not one.answer.done():
                    one.answer.set_exception(error)
        else:
            for one, answer in zip(batch, answers, strict=True):
                if not one.answer.done():
                    one.answer.set_result(answer)

    async def _ask(self, catalog_id: str, queries: Sequence[Query], deadline: float) -> Sequence[Recommendation]:
        began_s = time.monotonic()
        try:
            return await self._answer(catalog_id, queries, deadline)
        finally:
            self._last, self._ended_s = len(queries), time.monotonic()
            self._took_s = self._ended_s - began_s

"""``firstlight.v1.RecommendationService``."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from firstlight.domain import Query
from firstlight.errors import InvalidInputError, UnavailableError, Violation
from firstlight.pipeline import Recommendation, Stopwatch, Timing
from firstlight.server import from_proto, limits, to_proto
from firstlight.server.backend import Backend
from firstlight.server.batching import LARGEST, Batching
from firstlight.server.calls import TIMINGS
from firstlight.server.checks import Checks
from firstlight.v1 import recommendation_service_pb2 as pb
from firstlight.v1.recommendation_service_pb2_grpc import RecommendationServiceServicer

T = TypeVar("T")

USER_STATE_WAIT_S = 0.020
"""A query waits this long, at most, for what is stored about a user who is not in memory."""

USER_STATE_AGAIN_S = 0.005
"""The part of that which is kept for a user who was written to while the query waited for its batch."""

USER_STATE_TRIES = 3

INLINE_QUERIES = 8
"""A larger batch is answered in a thread: no single query waits behind it, and the worker does not seem to hang."""

LONGEST_INLINE_S = 0.25
"""A full batch means that more calls wait than can be answered. One that takes no longer than this holds up the event
loop: no call is taken in meanwhile only to be refused, and gRPC itself refuses what is too many for next to nothing."""

DEFAULT_DEADLINE_S = 10.0
"""For calls without a deadline."""

_TOKEN = re.compile(r"[0-9]{1,18}")


class RecommendationService(RecommendationServiceServicer):
    """Answers queries. The arithmetic runs in the event loop's thread, unless a component may make it wait."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._recommender = backend.recommender
        self._fence = backend.fence
        self._together = Batching(self._answers)

    async def Recommend(self, request: pb.RecommendRequest, context: Any) -> pb.RecommendResponse:
        """One list."""
        watch = Stopwatch()
        remaining_s = self._admitted(context)
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            query = from_proto.query(request.query, "query", checks)
            token = _write_token(request.min_write_token, checks)
        watch.lap("read")
        answer = await self._recommend_one(catalog_id, query, token, remaining_s, watch)
        _waited(watch, answer)
        response = pb.RecommendResponse(recommendation=to_proto.recommendation(answer))
        self._written(watch, answer)
        return response

    async def BatchRecommend(self, request: pb.BatchRecommendRequest, context: Any) -> pb.BatchRecommendResponse:
        """Several lists."""
        watch = Stopwatch()
        remaining_s = self._admitted(context)
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            queries = []
            if checks.batch(request.queries, limits.MAX_QUERIES, "queries"):
                queries = [from_proto.query(q, f"queries[{n}]", checks) for n, q in enumerate(request.queries)]
            token = _write_token(request.min_write_token, checks)
        watch.lap("read")
        answers = await self._recommend(catalog_id, queries, token, remaining_s, watch)
        _waited(watch, answers[0])
        response = pb.BatchRecommendResponse(recommendations=map(to_proto.recommendation, answers))
        self._written(watch, answers[0])
        return response

    async def RankItems(self, request: pb.RankItemsRequest, context: Any) -> pb.RankItemsResponse:
        """The candidates as a list."""
        watch = Stopwatch()
        remaining_s = self._admitted(context)
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            query = from_proto.query(request.query, "query", checks)
            candidates = from_proto.ids(
                request.candidate_item_ids, limits.MAX_CANDIDATES, "candidate_item_ids", checks, empty=False
            )
            token = _write_token(request.min_write_token, checks)
        query = replace(query, candidates=candidates)
        watch.lap("read")
        answer = await self._recommend_one(catalog_id, query, token, remaining_s, watch)
        _waited(watch, answer)
        response = pb.RankItemsResponse(recommendation=to_proto.recommendation(answer))
        self._written(watch, answer)
        return response

    async def FindSimilarItems(self, request: pb.FindSimilarItemsRequest, context: Any) -> pb.FindSimilarItemsResponse:
        """The neighbours of an item."""
        remaining_s = self._admitted(context)
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            item_id = checks.id(request.item_id, "item_id")
            if request.limit < 0:
                checks.add("limit", "must not be negative")
            token = _write_token(request.min_write_token, checks)
        await self._prepare(catalog_id, token, remaining_s)
        find = partial(
            self._recommender.similar_items,
            catalog_id,
            item_id,
            limit=request.limit or limits.DEFAULT_LIMIT,
            remaining_s=_remaining_s(context),
        )
        answer = await self._answer(catalog_id, find)
        _keep(answer.timings)
        return pb.FindSimilarItemsResponse(recommendation=to_proto.recommendation(answer))

    async def _recommend_one(
        self, catalog_id: str, query: Query, token: int, remaining_s: float, watch: Stopwatch
    ) -> Recommendation:
        deadline = asyncio.get_running_loop().time() + remaining_s
        await self._make_ready(catalog_id, [query], token, remaining_s)
        watch.lap("user_state")
        try:
            return await self._together(catalog_id, query, deadline)
        except InvalidInputError as error:
            violations = [Violation(v.field.replace("queries[0]", "query", 1), v.description) for v in error.violations]
            message = str(error).replace("queries[0]", "query", 1)
            raise InvalidInputError(message, violations=violations, total=error.total) from error

    async def _make_ready(self, catalog_id: str, queries: Sequence[Query], token: int, remaining_s: float) -> None:
        """Wait for the bundle and the write ``token``, and for a while for what is stored about users."""
        await self._prepare(catalog_id, token, remaining_s)
        # Whoever asks to read a write would rather wait than not see it.
        wait_s = (
            remaining_s / 2 if token else min((USER_STATE_WAIT_S - USER_STATE_AGAIN_S) * len(queries), remaining_s / 2)
        )
        await self._load_users(catalog_id, queries, wait_s)

    async def _recommend(
        self, catalog_id: str, queries: Sequence[Query], token: int, remaining_s: float, watch: Stopwatch
    ) -> Sequence[Recommendation]:
        deadline = asyncio.get_running_loop().time() + remaining_s
        await self._make_ready(catalog_id, queries, token, remaining_s)
        watch.lap("user_state")
        return await self._answers(catalog_id, queries, deadline)

    def _written(self, watch: Stopwatch, answer: Recommendation) -> None:
        """The response is made, and with it the last stage of a call done."""
        watch.lap("write")
        self._backend.meter.timed(watch.timings)
        _keep(watch.timings, answer.timings)

    async def _answers(self, catalog_id: str, queries: Sequence[Query], deadline: float) -> Sequence[Recommendation]:
        """Answers, by ``deadline`` on the loop's clock, from what is in memory."""
        await self._load_users(catalog_id, queries, USER_STATE_AGAIN_S)
        remaining_s = max(0.0, deadline - asyncio.get_running_loop().time())
        answer = partial(self._recommender.recommend, catalog_id, queries, cached_only=True, remaining_s=remaining_s)
        found, took_s = await self._answer(catalog_id, partial(_timed, answer), queries=len(queries))
        self._fence.computed(len(queries), took_s)
        return found

    async def _answer(self, catalog_id: str, answer: Callable[[], T], *, queries: int = 1) -> T:
        """What ``answer`` returns: called here, or in a thread where it may wait for a component or takes long."""
        if self._recommender.may_wait(catalog_id) or not self._is_quick(queries):
            return await self._backend.answering(answer)
        found = answer()
        self._backend.progressed()
        return found

    def _is_quick(self, queries: int) -> bool:
        """Whether so many together may hold up the event loop."""
        takes_s = queries * self._fence.query_s
        return queries <= INLINE_QUERIES or (queries == LARGEST and 0 < takes_s <= LONGEST_INLINE_S)

    def _admitted(self, context: Any) -> float:
        """Seconds to answer in, of a call that there is time for."""
        remaining_s = _remaining_s(context)
        self._fence.admit(remaining_s, ahead=self._together.ahead)
        return remaining_s

    async def _load_users(self, catalog_id: str, queries: Sequence[Query], wait_s: float) -> None:
        """Read users into memory, and again those of whom something newer was written meanwhile; for ``wait_s``."""
        missing = self._recommender.missing_users(catalog_id, queries)
        if not missing:
            return
        with suppress(TimeoutError, UnavailableError):  # the answer says that it goes without
            async with asyncio.timeout(wait_s):
                for _ in range(USER_STATE_TRIES):
                    await self._backend.blocking(self._recommender.load_users, catalog_id, missing)
                    missing = self._recommender.missing_users(catalog_id, queries)
                    if not missing:
                        return

    async def _prepare(self, catalog_id: str, token: int, remaining_s: float) -> None:
        """Load the active bundle where it is not, and wait for the write ``token``."""
        if not self._recommender.is_loaded(catalog_id):
            await self._backend.blocking(self._recommender.load, catalog_id)
        if token:
            await self._backend.follower.reach(token, timeout_s=remaining_s * 0.8)


def _write_token(value: str, checks: Checks) -> int:
    """The change number in a write token, 0 where there is none."""
    if value and not _TOKEN.fullmatch(value):
        checks.add("min_write_token", "is no write_token")
        return 0
    return int(value or 0)


def _waited(watch: Stopwatch, answer: Recommendation) -> None:
    """What came before the first stage of ``answer`` was waiting for others who ask, or for a thread."""
    watch.lap("wait", ended=answer.timings[0][2])


def _keep(*timings: Sequence[Timing]) -> None:
    kept = TIMINGS.get()
    if kept is not None:
        kept.extend(chain(*timings))


def _remaining_s(context: Any) -> float:
    remaining: float | None = context.time_remaining()
    return DEFAULT_DEADLINE_S if remaining is None else max(0.0, remaining)


def _timed(function: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    return function(), time.perf_counter() - start

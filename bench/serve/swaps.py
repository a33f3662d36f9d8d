"""The part ``swaps``: a hundred changes of the active bundle while callers call."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Sequence
from itertools import pairwise

import catalogues
import numpy as np
from asking import CACHED, dataset, requests
from calling import Callers
from goals import SMALL, Goal
from parts import Found, Part, Run
from serving import ALL_CORES, Server, serving
from table import Table

from firstlight.client import Client
from firstlight.settings import Settings
from firstlight.v1.recommendation_pb2 import Recommendation
from firstlight.v1.recommendation_service_pb2 import RecommendRequest

SWAPS, SWAPS_QUICK = 100, 5
USERS = 24
STEADY_S = 30.0
WINDOW_S = 0.25
"""After a swap: other workers have loaded the bundle then, or answer from the one they kept."""
TOLERANCE = 1e-4
"""Of scores: the same query in a larger batch."""
GOAL = Goal("100 bundle swaps under load", "0 failed, p99 ≤ 3 × steady")
MOST_RATIO = 3


def swaps(run: Run) -> Found:
    """Two workers and two bundles: MovieLens', and one with twice as many items resampled from it."""
    source = catalogues.catalogue(run.cache, SMALL)
    home = shutil.copytree(source.home, run.work / "home")
    settings = Settings.load(home)
    first = catalogues.active(settings)[0].bundle_id
    second = catalogues.activate_resampled(source, settings, 2 * SMALL).bundle_id
    asked = requests(dataset(settings), CACHED, "fast")[:USERS]
    count, steady_s = (SWAPS_QUICK, 2.0) if run.quick else (SWAPS, STEADY_S)
    with serving(home, workers=2, cores=ALL_CORES) as server, Client.connect(server.address, timeout_s=60) as client:
        alone = {bundle: _lists(server, client, bundle, asked) for bundle in (second, first)}
        server.warm(asked)
        callers = Callers(server, asked)
        swapped = asyncio.run(_swapping(callers, client, (first, second), count, steady_s))
    steady = [one.took_ms for one in callers.calls if one.began < swapped]
    moving = [one.took_ms for one in callers.calls if one.began >= swapped]
    failed = sum(one.answer is None for one in callers.calls)
    full = [one for one in callers.calls if one.answer and not one.answer.degraded]
    mixed = sum(not is_of(one.answer, alone[one.answer.bundle_id][one.user]) for one in full)
    degraded = len(callers.calls) - failed - len(full)
    bundles = [one.answer.bundle_id for one in callers.calls if one.answer]
    seen = sum(one != other for one, other in pairwise(bundles))
    before, during = (float(np.percentile(times, 99)) for times in (steady, moving))
    rows = [
        (name, f"{len(times):,}", *(f"{value:.1f}" for value in (*np.percentile(times, [50, 99]), max(times))))
        for name, times in (("steady", steady), ("swapping", moving))
    ]
    text = (
        f"{count} swaps in {callers.calls[-1].began - swapped:.0f} s, and {seen:,} changes that callers saw: "
        f"{failed} calls failed, {mixed} lists were not one bundle's own. "
        f"{degraded} answers said that they were degraded, and were not compared."
    )
    told = f"{failed + mixed} failed, p99 {during / before:.1f} × steady"
    goal = GOAL.met(told, failed + mixed == 0 and seen >= count and during <= MOST_RATIO * before)
    return Found([goal], [Table("Calls while bundles change, ms", ["", "calls", "p50", "p99", "longest"], rows, text)])


async def _swapping(callers: Callers, client: Client, bundles: tuple[str, str], count: int, steady_s: float) -> float:
    """Swap under load after a steady time; when the first swap began."""
    calling = asyncio.create_task(callers.run())
    await asyncio.sleep(steady_s)
    began = time.perf_counter()
    for swap in range(count):
        bundle = bundles[1 - swap % 2]
        await asyncio.to_thread(client.activate_bundle, bundle, force=True)
        await asyncio.sleep(WINDOW_S)
    callers.done = True
    await calling
    return began


def _lists(server: Server, client: Client, bundle: str, asked: Sequence[RecommendRequest]) -> list[Recommendation]:
    """What each gets from this bundle alone."""
    token = client.activate_bundle(bundle, force=True).write_token
    lists = []
    for request in asked:
        own = RecommendRequest(query=request.query, min_write_token=token)
        while (answer := server.answer(own).recommendation).degraded:
            pass  # the user was not read in time
        assert answer.bundle_id == bundle
        lists.append(answer)
    return lists


def is_of(answer: Recommendation, alone: Recommendation) -> bool:
    """Whether a list is that of one bundle ``alone``, by its scores: items with equal ones may change places."""
    scores = [[item.score for item in one.items] for one in (answer, alone)]
    return len(scores[0]) == len(scores[1]) and np.allclose(*scores, rtol=0, atol=TOLERANCE)


PART = Part([GOAL], swaps)

"""Who is refused before any work is done: by how long calls wait, and by what is left of the caller's deadline."""

from __future__ import annotations

import random

from firstlight.errors import DeadlineError, OverloadedError
from firstlight.server import metrics
from firstlight.server.batching import LARGEST
from firstlight.settings import ServeSettings

MOST_REFUSALS = 5
"""Fewer than this between two measurements of the delay: each refusal costs the event loop a good part of an answer.
Of those who do not obey, gRPC refuses for less where more wait than ``max_pending_requests``."""

SHORTEST_PUSH_BACK_S = 1.0
"""Of many callers only a few are told, and those have to be silent for the others too."""

SPREAD = 4.0
"""Each is told up to this many times as long, so that they come back one by one."""

PUSH_BACK = 2.0
"""Of the delay, where that is more: time for what waits to be answered."""

FEW = 8
"""Where no more are ahead a long delay is not of their making, but of a machine that is busy with something else:
refusing calls would mend nothing."""

SMOOTHING = 0.2
"""Weight of the newest batch in what a query takes."""

DOUBT = 0.95
"""Each call that is too short for a query makes it seem that much shorter: otherwise, where nobody is let in, it would
never be measured again."""


class Fence:
    """Of one worker."""

    def __init__(self, settings: ServeSettings, *, chance: random.Random | None = None) -> None:
        self._longest_s = settings.max_queue_delay_s
        self._chance = chance or random.Random()
        self._delays_s: dict[str, float] = {}
        self._pace = self._left = 0
        self.query_s = 0.0
        """What one query of a batch takes to compute; 0 until one was."""

    @property
    def delay_s(self) -> float:
        """How long calls wait before they are taken in, at the slowest port."""
        return max(self._delays_s.values(), default=0.0)

    @property
    def _limit_s(self) -> float:
        return self._longest_s + LARGEST * self.query_s  # a batch that is being computed is no queue

    def measured(self, port: str, delay_s: float, refused: int = 0) -> None:
        """A call to ``port`` waited so long, and gRPC ``refused`` others since the last.

        Each time that calls wait too long, or some were refused, one more may be refused here until the next, but for
        the first: it may have met a pause. Each other time halves that: many callers are silenced soon, and not all.
        """
        self._delays_s[port] = delay_s
        metrics.QUEUE_DELAY.set(self.delay_s)
        metrics.shed("grpc").inc(refused)
        crowded = refused > 0 or self.delay_s > self._limit_s
        self._pace = min(MOST_REFUSALS, self._pace + 1) if crowded else self._pace // 2
        self._left = self._pace - 1 if crowded else 0

    def computed(self, queries: int, took_s: float) -> None:
        """So many queries took so long together."""
        each_s = took_s / queries
        self.query_s += (each_s - self.query_s) * (SMOOTHING if self.query_s else 1.0)

    def admit(self, remaining_s: float, *, ahead: int = 0) -> None:
        """Refuse a call that cannot be answered in ``remaining_s``, or where calls wait for too long.

        ``ahead``: queries that are answered before it.

        Raises:
            DeadlineError: there would not be time enough if it were alone.
            OverloadedError: come back later.
        """
        behind_s = ahead * self.query_s
        if remaining_s <= self.query_s:
            self.query_s *= DOUBT
            metrics.shed("deadline").inc()
            raise DeadlineError(f"{1000 * remaining_s:.0f} ms are too short for an answer")
        if remaining_s <= behind_s + self.query_s or (ahead > LARGEST and behind_s > self._limit_s):
            metrics.shed("wait").inc()
            raise self._overloaded(f"{ahead} queries are answered first", behind_s)
        if ahead > FEW and self._left > 0:
            self._left -= 1
            metrics.shed("queue").inc()
            raise self._overloaded("more calls wait than can be answered", self.delay_s)

    def _overloaded(self, why: str, wait_s: float) -> OverloadedError:
        pause_s = max(SHORTEST_PUSH_BACK_S, PUSH_BACK * wait_s) * self._chance.uniform(1.0, SPREAD)
        return OverloadedError(f"overloaded: {why}", push_back_s=pause_s)

"""Who is refused before any work is done: by how long calls wait, and by what is left of the caller's deadline."""

from __future__ import annotations

import random
import time
from collections import defaultdict, deque
from functools import partial

from firstlight.errors import DeadlineError, OverloadedError
from firstlight.server import metrics
from firstlight.server.batching import LARGEST
from firstlight.settings import ServeSettings

REFUSALS_PER_S = 100.0
"""At most, of calls that waited to be taken in: each costs the event loop a good part of an answer. Callers who obey
are silent long before; of those who do not, gRPC refuses for less where more wait than ``max_pending_requests``."""

BURST = 50.0
"""Refusals that may come at once."""

SHORTEST_PUSH_BACK_S = 1.0
"""Of many callers only a few are told, and those have to be silent for the others too. Each is told up to half as long
again, so that not all of them come back at once."""

PUSH_BACK = 2.0
"""Of the delay, where that is more: time for what waits to be answered."""

FEW = 8
"""Where no more are ahead a long delay is not of their making, but of a machine that is busy with something else:
refusing calls would mend nothing."""

SAMPLES = 2
"""Delays that must all be too long: one may be a pause."""

SMOOTHING = 0.2
"""Weight of the newest batch in what a query takes."""

DOUBT = 0.95
"""Each call that is too short for a query makes it seem that much shorter: otherwise, where nobody is let in, it would
never be measured again."""


class Fence:
    """Of one worker. ``clock``: seconds, monotonic."""

    def __init__(self, settings: ServeSettings, *, chance: random.Random | None = None) -> None:
        self._limit_s = settings.max_queue_delay_s
        self._chance = chance or random.Random()
        self._delays_s: dict[str, deque[float]] = defaultdict(partial(deque, maxlen=SAMPLES))
        self._tokens = BURST
        self._filled_at = time.monotonic()
        self.query_s = 0.0
        """What one query of a batch takes to compute; 0 until one was."""

    @property
    def delay_s(self) -> float:
        """How long calls wait before they are taken in: the least of the last samples, at the slowest port."""
        return max(map(min, self._delays_s.values()), default=0.0)

    def measured(self, port: str, delay_s: float) -> None:
        """A call to ``port`` waited so long."""
        self._delays_s[port].append(delay_s)
        metrics.QUEUE_DELAY.set(self.delay_s)

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
        limit_s = self._limit_s + LARGEST * self.query_s  # a batch that is being computed is no queue
        if remaining_s <= self.query_s:
            self.query_s *= DOUBT
            metrics.shed("deadline").inc()
            raise DeadlineError(f"{1000 * remaining_s:.0f} ms are too short for an answer")
        if remaining_s <= behind_s + self.query_s or (ahead > LARGEST and behind_s > limit_s):
            metrics.shed("wait").inc()
            raise self._overloaded(f"{ahead} queries are answered first", behind_s)
        if ahead > FEW and self.delay_s > limit_s and self._may_refuse():
            metrics.shed("queue").inc()
            raise self._overloaded(f"calls wait {1000 * self.delay_s:.0f} ms to be taken in", self.delay_s)

    def _overloaded(self, why: str, wait_s: float) -> OverloadedError:
        pause_s = max(SHORTEST_PUSH_BACK_S, PUSH_BACK * wait_s) * self._chance.uniform(1.0, 1.5)
        return OverloadedError(f"overloaded: {why}", push_back_s=pause_s)

    def _may_refuse(self) -> bool:
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * REFUSALS_PER_S)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

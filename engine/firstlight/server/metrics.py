"""What a worker counts, for Prometheus; its supervisor serves it (:mod:`firstlight.server.scraping`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from prometheus_client import Counter, Gauge, Histogram

from firstlight.domain import Query
from firstlight.pipeline import Meter, Recommendation, Timing
from firstlight.server.counting import CountedHistogram, Observations
from firstlight.server.stages import StageTimes

# Name, labels and bounds are those of OpenTelemetry's conventions for RPC metrics (rpc.server.call.duration) in their
# Prometheus spelling, and below them bounds for answers that take a millisecond or two.
_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_DURATION = CountedHistogram(
    "rpc_server_call_duration_seconds",
    "Seconds from the arrival of a call in Python to its end.",
    ["rpc_system_name", "rpc_method", "rpc_response_status_code"],
    buckets=_BOUNDS_S,
)
_IN_FLIGHT = Gauge(
    "firstlight_calls_in_flight",
    "Calls that have begun and not ended.",
    ["rpc_method"],
    multiprocess_mode="livesum",
)
_FAULTS = Counter(
    "firstlight_component_faults",
    "Faults of components: exceptions, answers that break the contract, overrun deadlines.",
    ["component", "kind"],
)
_DEGRADED = Counter(
    "firstlight_degraded_answers",
    "Answers that are less than they could be.",
    ["component", "reason"],
)
_SHED = Counter(
    "firstlight_shed_calls",
    "Calls that were refused before any work: too long a queue, or too short a deadline.",
    ["reason"],
)
QUEUE_DELAY = Gauge(
    "firstlight_queue_delay_seconds",
    "Seconds that a call waits, as measured last, before a worker takes it in; of several workers, the longest.",
    multiprocess_mode="livemax",
)
_LOOKUPS = Counter("firstlight_user_cache_lookups", "Users whose state was looked for in memory.")
_MISSES = Counter("firstlight_user_cache_misses", "Users whose state was read from the store.")
_ACTIVE = Gauge(
    "firstlight_active_bundle",
    "Workers that answer from this bundle.",
    ["catalog_id", "bundle_id"],
    multiprocess_mode="livesum",
)
_CREATED = Gauge(
    "firstlight_active_bundle_created_timestamp_seconds",
    "When the bundle that answers was made; of several, the oldest.",
    ["catalog_id"],
    multiprocess_mode="livemin",
)
_REFUSED = Counter(
    "firstlight_refused_bundles",
    "Bundles that were to answer and could not, each once in each worker and attempt.",
    ["catalog_id", "bundle_id"],
)
LAG = Histogram(
    "firstlight_freshness_lag_seconds",
    "Seconds, at most, from the commit of a change to the moment when a worker's answers know of it.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
TRANSACTION = Histogram(
    "firstlight_transaction_seconds",
    "Seconds of a transaction that keeps interactions, from its wait for other writers to the end of its commit.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LONGEST_TRANSACTION = Gauge(
    "firstlight_longest_transaction_seconds",
    "Seconds of the longest of these transactions so far.",
    multiprocess_mode="max",
)


class CallTimes:
    """Counts calls, of one thread, by method: ``package.Service/Method``."""

    def __init__(self) -> None:
        self._in_flight: dict[str, int] = defaultdict(int)
        self._ended: dict[tuple[str, str], Observations] = {}

    def began(self, method: str) -> None:
        """A call is under way."""
        self._in_flight[method] += 1

    def ended(self, method: str, code: str, took_s: float) -> None:
        """One ended, with the status ``code``."""
        self._in_flight[method] -= 1
        observed = self._ended.get((method, code))
        if observed is None:
            observed = self._ended[method, code] = Observations(_BOUNDS_S)
        observed.observe(took_s)

    def flush(self) -> None:
        """Let a scrape see what was counted since the last time."""
        ended, self._ended = self._ended, {}
        for (method, code), observed in ended.items():
            _DURATION.labels("grpc", method, code).add(observed)
        for method, calls in self._in_flight.items():
            _IN_FLIGHT.labels(method).set(calls)


CALLS = CallTimes()
"""Of this process."""


def shed(reason: str) -> Counter:
    """Calls that were refused for ``reason``."""
    return _SHED.labels(reason)


class PrometheusMeter(Meter):
    """Counts what the pipeline tells of."""

    def __init__(self) -> None:
        self._active: dict[str, Gauge] = {}
        """By catalogue."""
        self._stages = StageTimes()

    def fault(self, component: str, kind: str, /) -> None:
        """Count it."""
        _FAULTS.labels(component, kind.lower()).inc()

    def answered(self, answers: Sequence[Recommendation]) -> None:
        """Count what they lack, each once an answer, and how long their stages took, once for all."""
        if answers:
            self._stages.add(answers[0].timings)
        for answer in answers:
            for component, reason in {(each.component, each.reason) for each in answer.degraded}:
                _DEGRADED.labels(component, reason.name.lower()).inc()

    def timed(self, timings: Sequence[Timing]) -> None:
        """Count them."""
        self._stages.add(timings)

    def flush(self) -> None:
        """Let a scrape see the calls and stages that were counted since the last time."""
        CALLS.flush()
        self._stages.flush()

    def asked_users(self, queries: Sequence[Query]) -> None:
        """Count each user once."""
        _LOOKUPS.inc(len({query.user_id for query in queries if query.user_id}))

    def read_users(self, count: int) -> None:
        """Count them."""
        _MISSES.inc(count)

    def activated(self, catalog_id: str, bundle_id: str, created_at: datetime) -> None:
        """Tell which bundle answers; the one before does no more."""
        if catalog_id in self._active:
            self._active[catalog_id].set(0)
        self._active[catalog_id] = _ACTIVE.labels(catalog_id, bundle_id)
        self._active[catalog_id].set(1)
        _CREATED.labels(catalog_id).set(created_at.timestamp())

    def refused(self, catalog_id: str, bundle_id: str) -> None:
        """Count it."""
        _REFUSED.labels(catalog_id, bundle_id).inc()

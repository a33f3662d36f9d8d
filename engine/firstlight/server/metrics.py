"""What a worker counts, for Prometheus; its supervisor serves it (:mod:`firstlight.server.scraping`)."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

# Name, labels and bounds are those of OpenTelemetry's conventions for RPC metrics (rpc.server.call.duration) in their
# Prometheus spelling, and below them bounds for answers that take a millisecond or two.
_DURATION = Histogram(
    "rpc_server_call_duration_seconds",
    "Seconds from the arrival of a call in Python to its end.",
    ["rpc_system_name", "rpc_method", "rpc_response_status_code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
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


@cache
def duration(method: str, code: str) -> Histogram:
    """How long calls of ``method``, ``package.Service/Method``, take that end with the status ``code``."""
    return _DURATION.labels("grpc", method, code)


@cache
def in_flight(method: str) -> Gauge:
    """How many calls of ``method`` are under way."""
    return _IN_FLIGHT.labels(method)


def count_fault(component: str, kind: str) -> None:
    """A component failed. ``kind``: the name of a ``Degradation.Reason``."""
    _FAULTS.labels(component, kind.lower()).inc()

"""Traces for OpenTelemetry: a span a call, whose parent is its caller's, and spans of its stages within it.

Imported only where traces are asked for: the packages are those of the extra ``otel``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import grpc
from opentelemetry import propagate
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from firstlight.pipeline import Timing
from firstlight.server import request_ids
from firstlight.server.calls import TIMINGS
from firstlight.server.measuring import status_of

CLOSE_S = 2.0
"""What is not exported within this time at a stop is lost."""

_FAULTS = {
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}
"""Those that OpenTelemetry's conventions take for errors of a server; the others are its caller's."""


class Tracing:
    """Traces calls into ``provider``."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("firstlight")

    @classmethod
    def to_collector(cls) -> Tracing:
        """Traces for an OTLP collector; where it is, and what is sampled, say OpenTelemetry's own variables."""
        resource = Resource.create()
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: "firstlight"}))
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def around(self, method: str, context: Any) -> Traced:
        """A span around a call."""
        return Traced(self._tracer, method, context)

    def close(self) -> None:
        """Export what is left."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_S)


class Traced:
    """One call. Its span tells no text of an error: that may hold what the caller sent."""

    __slots__ = ("_context", "_method", "_offset_ns", "_span", "_tracer")

    def __init__(self, tracer: Tracer, method: str, context: Any) -> None:
        self._tracer = tracer
        self._method = method
        self._context = context

    def __enter__(self) -> None:
        # perf_counter, by which stages are timed, counts from an unknown moment.
        self._offset_ns = time.time_ns() - time.perf_counter_ns()
        given = {key: value for key, value in self._context.invocation_metadata() or () if isinstance(value, str)}
        self._span = self._tracer.start_span(
            self._method,
            context=propagate.extract(given),
            kind=SpanKind.SERVER,
            attributes={
                "rpc.system.name": "grpc",
                "rpc.method": self._method,
                "firstlight.request_id": request_ids.current(),
            },
        )
        TIMINGS.set([] if self._span.is_recording() else None)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        code = status_of(error, self._context)
        self._span.set_attribute("rpc.response.status_code", code.name)
        self._span.set_attribute("firstlight.request_id", request_ids.current())
        if code in _FAULTS:
            self._span.set_status(Status(StatusCode.ERROR))
        self._within(TIMINGS.get() or ())
        self._span.end()

    def _within(self, timings: Iterable[Timing]) -> None:
        """Spans of stages, and of the calls of components within these."""
        stages: list[tuple[float, float, Span]] = []
        for stage, component, began, ended in sorted(timings, key=lambda timing: bool(timing[1])):
            inside = (span for start, end, span in stages if start <= began and ended <= end)
            child = self._tracer.start_span(
                f"{stage} {component}".strip(),
                context=set_span_in_context(next(inside, self._span)),
                start_time=self._time_ns(began),
                attributes={"firstlight.component": component} if component else None,
            )
            child.end(self._time_ns(ended))
            if not component:
                stages.append((began, ended, child))

    def _time_ns(self, at_s: float) -> int:
        return self._offset_ns + round(at_s * 1e9)

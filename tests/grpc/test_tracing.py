"""Spans of real calls: in memory, and in a collector."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures

import grpc
import grpc.aio
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind, StatusCode

from firstlight.errors import PreconditionError, Reason
from firstlight.plugins import PluginRules, load_plugins
from firstlight.server.app import App
from firstlight.server.backend import Backend
from firstlight.server.tracing import Tracing
from firstlight.settings import Settings
from firstlight.store import open_store
from firstlight.v1 import item_service_pb2, recommendation_service_pb2 as pb
from firstlight.v1.item_service_pb2_grpc import ItemServiceStub
from firstlight.v1.recommendation_pb2 import Query
from firstlight.v1.recommendation_service_pb2_grpc import RecommendationServiceStub

pytestmark = pytest.mark.xdist_group("grpc")

RECOMMEND = "firstlight.v1.RecommendationService/Recommend"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = [("traceparent", f"00-{TRACE}-{PARENT}-01")]
NOT_SAMPLED = [("traceparent", f"00-{TRACE}-{PARENT}-00")]
STAGES = ["read", "user_state", "wait", "prepare", "route", "generate", "score", "rank", "order", "explain", "write"]


@pytest.fixture
def spans_of(settings: Settings) -> Callable[..., list[ReadableSpan]]:
    """The spans of calls to a server in this process."""
    exporter = InMemorySpanExporter()

    async def run(call: Callable[..., object], provider: TracerProvider) -> None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        store, plugins = open_store(settings), load_plugins(PluginRules())
        serve = settings.serve.model_copy(update={"drain_delay_s": 0.0})
        quick = settings.model_copy(update={"serve": serve})
        app = App(Backend(quick, store=store, plugins=plugins, tracing=Tracing(provider)), "127.0.0.1:0")
        await app.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{app.port}") as channel, asyncio.timeout(60):
            await call(channel)
        await app.stop()

    def collected(call: Callable[..., object], **options: object) -> list[ReadableSpan]:
        asyncio.run(run(call, TracerProvider(**options)))
        return list(exporter.get_finished_spans())

    return collected


def test_a_call_is_a_span_with_its_stages_within(spans_of: Callable[..., list[ReadableSpan]]) -> None:
    async def call(channel: grpc.aio.Channel) -> None:
        recommend = RecommendationServiceStub(channel).Recommend
        metadata = [*SAMPLED, ("x-request-id", "mine")]
        await recommend(pb.RecommendRequest(query=Query(user_id="user-1", limit=3)), timeout=30, metadata=metadata)

    spans = spans_of(call)
    (whole,) = [span for span in spans if span.kind is SpanKind.SERVER]
    assert whole.name == RECOMMEND
    assert f"{whole.context.trace_id:032x}" == TRACE
    assert f"{whole.parent.span_id:016x}" == PARENT
    assert whole.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": RECOMMEND,
        "rpc.response.status_code": "OK",
        "firstlight.request_id": "mine",
    }
    stages = [span for span in spans if span.parent.span_id == whole.context.span_id]
    assert [span.name for span in sorted(stages, key=lambda span: span.start_time)] == STAGES
    assert {span.context.trace_id for span in spans} == {whole.context.trace_id}
    by_id = {span.context.span_id: span for span in spans}
    for span in spans:
        if span is not whole:
            parent = by_id[span.parent.span_id]
            assert parent.start_time <= span.start_time <= span.end_time <= parent.end_time
    (scored,) = [span for span in spans if span.name == "score neighbours"]
    assert by_id[scored.parent.span_id].name == "score"
    assert scored.attributes == {"firstlight.component": "neighbours"}
    assert "user-1" not in "".join(span.to_json() for span in spans)


def test_a_failed_call_is_a_span_with_its_status(spans_of: Callable[..., list[ReadableSpan]]) -> None:
    async def call(channel: grpc.aio.Channel) -> None:
        for request in (item_service_pb2.GetItemRequest(item_id="nowhere"), item_service_pb2.GetItemRequest()):
            with pytest.raises(grpc.aio.AioRpcError):
                await ItemServiceStub(channel).GetItem(request, timeout=30)

    missing, invalid = spans_of(call)
    assert missing.attributes["rpc.response.status_code"] == "NOT_FOUND"
    assert invalid.attributes["rpc.response.status_code"] == "INVALID_ARGUMENT"
    assert {span.status.status_code for span in (missing, invalid)} == {StatusCode.UNSET}, "the caller's fault"
    assert missing.parent is None
    assert not missing.events
    assert "nowhere" not in missing.to_json()


def test_what_the_caller_does_not_sample_is_not_traced(spans_of: Callable[..., list[ReadableSpan]]) -> None:
    async def call(channel: grpc.aio.Channel) -> None:
        recommend = RecommendationServiceStub(channel).Recommend
        for metadata in (NOT_SAMPLED, []):
            await recommend(pb.RecommendRequest(), timeout=30, metadata=metadata)

    assert spans_of(call, sampler=ParentBased(ALWAYS_OFF)) == []


def test_traces_without_their_packages_are_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "firstlight.server.tracing", None)
    serve = settings.serve.model_copy(update={"traces": "otlp"})
    with pytest.raises(PreconditionError, match=r"firstlight\[otel\]") as caught:
        Backend.open(settings.model_copy(update={"serve": serve}))
    assert caught.value.reason is Reason.EXTRA_NOT_INSTALLED


class Collector(TraceServiceServicer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.received = threading.Event()
        self.requests: list[otlp.ExportTraceServiceRequest] = []

    def Export(self, request: otlp.ExportTraceServiceRequest, context: object) -> otlp.ExportTraceServiceResponse:  # noqa: N802
        self.requests.append(request)
        self.received.set()
        return otlp.ExportTraceServiceResponse()


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    server, servicer = grpc.server(futures.ThreadPoolExecutor(2)), Collector()
    add_TraceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, f"http://127.0.0.1:{port}"
    server.stop(0)


def test_a_worker_sends_its_spans_to_a_collector(
    make_home: Callable[..., object],
    tmp_path: object,
    serve_home: Callable[..., object],
    collector: tuple[Collector, str],
) -> None:
    found, endpoint = collector
    told = {"FIRSTLIGHT_SERVE__TRACES": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    with (
        serve_home(make_home(tmp_path / "home", "bundle-1").home, **told) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        recommend = RecommendationServiceStub(channel).Recommend
        recommend(pb.RecommendRequest(query=Query(limit=3)), timeout=20, metadata=SAMPLED)
        assert server.stop() == 0, "the last spans are sent at the end"
    assert found.received.wait(10)
    resources = [one for request in found.requests for one in request.resource_spans]
    names = {each.key: each.value.string_value for one in resources for each in one.resource.attributes}
    assert names["service.name"] == "firstlight"
    spans = [span for one in resources for scope in one.scope_spans for span in scope.spans]
    (whole,) = [span for span in spans if span.name == RECOMMEND]
    assert (whole.trace_id.hex(), whole.parent_span_id.hex()) == (TRACE, PARENT)
    assert {span.name for span in spans if span.parent_span_id == whole.span_id} == set(STAGES)


def test_a_collector_that_is_not_there_keeps_nobody_waiting(
    make_home: Callable[..., object], tmp_path: object, serve_home: Callable[..., object], free_port: int
) -> None:
    told = {"FIRSTLIGHT_SERVE__TRACES": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port}"}
    with (
        serve_home(make_home(tmp_path / "home", "bundle-1").home, **told) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        answer = RecommendationServiceStub(channel).Recommend(pb.RecommendRequest(query=Query(limit=3)), timeout=20)
        assert len(answer.recommendation.items) == 3
        assert server.stop() == 0

"""A server that fails as it is told: the end of a request's catalog_id, after its last "-", says how.

``fault_server.py --certificates DIR`` makes a CA and a certificate in DIR, listens on two plain ports and one with TLS,
and prints them as one line of JSON. All ports share one memory of each catalogue, so an answer can tell how often it
was asked for. README.md lists the behaviours and what answers tell.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, error_details_pb2, status_pb2

from firstlight.v1 import (
    bundle_service_pb2,
    interaction_service_pb2,
    item_service_pb2,
    plugin_service_pb2,
    recommendation_service_pb2,
    training_service_pb2,
    user_service_pb2,
)
from firstlight.v1.bundle_pb2 import Bundle
from firstlight.v1.item_pb2 import Item
from firstlight.v1.recommendation_pb2 import SCENARIO_NEW_USER, Recommendation, RecommendedItem
from firstlight.v1.training_job_pb2 import TrainingJob
from firstlight.v1.user_pb2 import User

ROOT = Path(__file__).parents[2]
MODULES = (
    bundle_service_pb2,
    interaction_service_pb2,
    item_service_pb2,
    plugin_service_pb2,
    recommendation_service_pb2,
    training_service_pb2,
    user_service_pb2,
)
METHODS = {
    f"/{service.full_name}/{method.name}": method
    for module in MODULES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
CODES = {"unavailable": "UNAVAILABLE", "cancelled": "CANCELLED", "exhausted": "RESOURCE_EXHAUSTED"}
PAGES = 3
BIG_BYTES = 5_000_000
PATIENCE_S = 5.0


def codes_of_reasons() -> dict[str, str]:
    """The status code that each reason of error_reason.proto states."""
    text = (ROOT / "protos/firstlight/v1/error_reason.proto").read_text("utf-8")
    return {reason: code for code, reason in re.findall(r"// ([A-Z_]+):[^=]*?ERROR_REASON_(\w+) =", text)}


REASONS = codes_of_reasons()


@dataclass
class Memory:
    """What happened to one catalogue."""

    attempts: int = 0
    last_s: float = 0.0
    cancelled_streams: int = 0
    request_ids: set[str] = field(default_factory=set)
    batch_sizes: dict[str, int] = field(default_factory=dict)


@dataclass
class Asked:
    """One attempt of a call."""

    method: str
    request: Any
    context: Any
    port: int
    memory: Memory
    behaviour: str
    number: int
    attempt: int
    gap_ms: int

    async def fail(
        self,
        code: str,
        reason: str = "",
        *,
        violations: int = 0,
        push_back: str | None = None,
        bare: bool = False,
    ) -> None:
        """End the call with an error that tells the attempt."""
        status = status_pb2.Status(code=code_pb2.Code.Value(code), message=f"made to fail: {self.behaviour}")
        metadata = {"attempt": str(self.attempt)}
        if violations:
            metadata["violations"] = "700"
        info = error_details_pb2.ErrorInfo(reason=reason, domain="firstlight", metadata=metadata)
        status.details.add().Pack(info)
        if violations:
            bad = error_details_pb2.BadRequest()
            for n in range(violations):
                bad.field_violations.add(field=f"items[{n}].item_id", description="is no id: «ü 日本»")
            status.details.add().Pack(bad)
        trailing: list[tuple[str, str | bytes]] = []
        if not bare:
            trailing.append(("grpc-status-details-bin", status.SerializeToString()))
        if push_back is not None:
            trailing.append(("grpc-retry-pushback-ms", push_back))
        await self.context.abort(grpc.StatusCode[code], status.message, tuple(trailing))


class Faults(grpc.GenericRpcHandler):
    """Every method of every service, on one port."""

    def __init__(self, port: int, memories: dict[str, Memory]) -> None:
        self._port = port
        self._memories = memories

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """The handler of a method of ours; health is UNIMPLEMENTED here, which must not keep a client from working."""
        method = METHODS.get(handler_call_details.method)
        if method is None:
            return None

        def asked(data: bytes, context: Any) -> Asked:
            request = GetMessageClass(method.input_type).FromString(data)
            return self._asked(method.name, request, context)

        def answer_class() -> Any:
            return GetMessageClass(method.output_type)

        async def unary(data: bytes, context: Any) -> bytes:
            attempt = asked(data, context)
            await misbehave(attempt)
            return answer_class()(**(await answer(attempt))).SerializeToString()

        async def stream(data: bytes, context: Any) -> AsyncIterator[bytes]:
            attempt = asked(data, context)
            await misbehave(attempt)
            async for job in watched(attempt):
                yield answer_class()(job=job).SerializeToString()

        if method.name == "WatchTrainingJob":
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)

    def _asked(self, method: str, request: Any, context: Any) -> Asked:
        catalog_id = getattr(request, "catalog_id", "")
        memory = self._memories.setdefault(catalog_id, Memory())
        now = time.monotonic()
        gap = now - memory.last_s if memory.attempts else 0.0
        memory.attempts += 1
        memory.last_s = now
        if method == "BatchWriteInteractions":
            memory.request_ids.add(request.request_id)
        script = catalog_id.rpartition("-")[2]
        behaviour, number = re.fullmatch(r"(.*?)(\d*)", script).groups()  # type: ignore[union-attr]  # matches anything
        return Asked(
            method,
            request,
            context,
            self._port,
            memory,
            behaviour,
            int(number or 0),
            memory.attempts,
            round(gap * 1000),
        )


async def misbehave(asked: Asked) -> None:
    """Fail or wait as the catalogue's name says."""
    name = asked.behaviour
    if name in CODES:
        if asked.attempt <= asked.number:
            await asked.fail(CODES[name], "STORE_UNAVAILABLE" if name == "unavailable" else "")
    elif name == "pushback":
        if asked.attempt == 1:
            await asked.fail("UNAVAILABLE", "STORE_UNAVAILABLE", push_back=str(asked.number))
    elif name.startswith("pushback_"):
        value = {"refused": "-1", "garbage": "later", "soon": "1"}[name.removeprefix("pushback_")]
        await asked.fail("UNAVAILABLE", "STORE_UNAVAILABLE", push_back=value)
    elif name == "reason_invalid_field":
        await asked.fail("INVALID_ARGUMENT", "INVALID_FIELD", violations=20)
    elif name.startswith("reason_"):
        reason = name.removeprefix("reason_").upper()
        await asked.fail(REASONS.get(reason, "INTERNAL"), reason, push_back="-1")  # the reason is what counts: no retry
    elif name.startswith("bare_"):
        await asked.fail(name.removeprefix("bare_").upper(), bare=True)
    elif name == "slow":
        await asyncio.sleep(asked.number / 1000)
    elif name == "second_down" and asked.port == 2:
        await asked.fail("UNAVAILABLE", "STORE_UNAVAILABLE")


async def answer(asked: Asked) -> dict[str, Any]:  # noqa: PLR0911  # one for each kind of response
    """The fields of the response to ``asked``."""
    attempt, request = f"attempt-{asked.attempt}", asked.request
    match asked.method:
        case "Recommend" | "RankItems" | "FindSimilarItems":
            return {"recommendation": recommendation(asked, getattr(request, "query", None))}
        case "BatchRecommend":
            return {"recommendations": [recommendation(asked, query) for query in request.queries]}
        case "GetItem":
            return {"item": Item(item_id=attempt)}
        case "GetUser":
            return {"user": User(user_id=attempt)}
        case "GetBundle":
            return {"bundle": Bundle(bundle_id=attempt)}
        case "ActivateBundle" | "RollbackBundle":
            return {"bundle": Bundle(bundle_id=attempt), "write_token": attempt}
        case "BatchWriteInteractions":
            return written(asked)
        case "CreateTrainingJob" | "CancelTrainingJob":
            return {"job": TrainingJob(job_id=attempt, state=TrainingJob.STATE_PENDING)}
        case "GetTrainingJob":
            return {"job": TrainingJob(job_id=await cancelled(asked), state=TrainingJob.STATE_RUNNING)}
        case method if method.startswith("List"):
            return page(asked)
        case _:
            return {"write_token": attempt}


def recommendation(asked: Asked, query: Any) -> Recommendation:
    """What is known about the call, as the items of a list: each a value, and as its source what the value is."""
    metadata = dict(asked.context.invocation_metadata() or ())
    remaining = asked.context.time_remaining()
    told = {
        "catalog": getattr(asked.request, "catalog_id", ""),
        "authorization": metadata.get("authorization", ""),
        "deadline": "none" if remaining is None else f"{round(remaining * 1000)}ms",
        "history": str(len(query.history)) if query is not None else "0",
    }
    if query is not None and query.history:
        told["newest"] = query.history[-1].item_id
    items = [RecommendedItem(item_id=value, source=what) for what, value in told.items()]
    if asked.behaviour == "big":
        items[0].reason_text = "x" * BIG_BYTES
    return Recommendation(
        items=items,
        scenario=SCENARIO_NEW_USER,
        strategy=f"port-{asked.port}",
        bundle_id=f"attempt-{asked.attempt}",
        attribution_token=f"gap-{asked.gap_ms}ms",
    )


def written(asked: Asked) -> dict[str, Any]:
    """Tells how many attempts there were, with how many request ids, and the size of each batch."""
    memory, request = asked.memory, asked.request
    memory.batch_sizes[request.request_id] = len(request.interactions)
    sizes = ",".join(map(str, memory.batch_sizes.values()))
    return {
        "write_token": f"attempts={asked.attempt} request_ids={len(memory.request_ids)} sizes={sizes}",
        "written_count": len(request.interactions),
    }


def page(asked: Asked) -> dict[str, Any]:
    """One of three pages with ``page_size`` entries; of ``emptypage``, the second has none."""
    number = int(asked.request.page_token or 0)
    (entries,) = (
        each
        for each in GetMessageClass(METHODS_BY_NAME[asked.method].output_type).DESCRIPTOR.fields
        if each.message_type is not None
    )
    (name, *_) = (each.name for each in entries.message_type.fields if each.name in {"name", entries.name[:-1] + "_id"})
    size = 0 if asked.behaviour == "emptypage" and number == 1 else asked.request.page_size
    return {
        entries.name: [{name: f"{number}-{n}"} for n in range(size)],
        "next_page_token": str(number + 1) if number + 1 < PAGES else "",
    }


async def cancelled(asked: Asked) -> str:
    """How many streams of this catalogue the callers cancelled; a cancellation may arrive after the next call."""
    until = time.monotonic() + (PATIENCE_S if asked.behaviour == "endless" else 0)
    while not asked.memory.cancelled_streams and time.monotonic() < until:
        await asyncio.sleep(0.02)
    return f"cancelled-{asked.memory.cancelled_streams}"


async def watched(asked: Asked) -> AsyncIterator[TrainingJob]:
    """The progress of a job. A watch must come without a deadline."""
    if asked.context.time_remaining() is not None:
        await asked.fail("INVALID_ARGUMENT", "INVALID_FIELD")
    if asked.behaviour == "endless":
        try:
            while True:
                yield TrainingJob(state=TrainingJob.STATE_RUNNING)
                await asyncio.sleep(0.02)
        finally:
            asked.memory.cancelled_streams += 1
    states = [TrainingJob.STATE_PENDING, TrainingJob.STATE_RUNNING, TrainingJob.STATE_RUNNING]
    for state in states:
        yield TrainingJob(state=state)
        await asyncio.sleep(0.2)
    if asked.behaviour == "breaks":
        await asked.fail("UNAVAILABLE", "STORE_UNAVAILABLE")
    yield TrainingJob(state=TrainingJob.STATE_SUCCEEDED)


METHODS_BY_NAME = {method.name: method for method in METHODS.values()}


def make_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """A CA, and a key and a certificate of it for this machine's loopback names."""
    ca_key, ca, key, request, certificate = (
        folder / n for n in ("ca.key", "ca.pem", "key.pem", "request.pem", "cert.pem")
    )
    extensions = folder / "extensions.txt"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nbasicConstraints=critical,CA:FALSE\n")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

    def openssl(*arguments: str | Path) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    openssl("req", "-x509", *new_key, "-keyout", ca_key, "-out", ca, "-days", "2", "-subj", "/CN=Conformance CA")
    openssl("req", *new_key, "-keyout", key, "-out", request, "-subj", "/CN=localhost")
    signing = ("-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2", "-extfile", extensions)
    openssl("x509", "-req", "-in", request, *signing, "-out", certificate)
    return ca, key, certificate


async def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificates", type=Path, required=True)
    ca, key, certificate = make_certificates(parser.parse_args().certificates)
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    memories: dict[str, Memory] = {}
    options = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
    ports, servers = [], []
    for number in (1, 2, 3):
        server = grpc.aio.server(handlers=[Faults(number, memories)], options=options)
        if number < 3:
            ports.append(server.add_insecure_port("127.0.0.1:0"))
        else:
            ports.append(server.add_secure_port("127.0.0.1:0", credentials))
        await server.start()
        servers.append(server)
    first, second, tls = (f"127.0.0.1:{port}" for port in ports)
    print(json.dumps({"faults": [first, second], "tls": tls, "ca": str(ca)}), flush=True)
    await asyncio.gather(*(server.wait_for_termination() for server in servers))


if __name__ == "__main__":
    asyncio.run(main())

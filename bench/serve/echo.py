"""The yardstick: a bare grpc.aio server on uvloop that answers Recommend without recommending.

``echo.py ANSWER PORT``: reads each request and builds the message in the file ``ANSWER`` anew for it. No interceptor,
no health, nothing that a server needs beside its calls: what gRPC and protobuf cost in Python, and no more. Port 0 is a
free one; several echoes may share one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import grpc.aio
import uvloop
from google.protobuf.json_format import MessageToDict

from firstlight.v1.recommendation_pb2 import Recommendation
from firstlight.v1.recommendation_service_pb2 import RecommendRequest, RecommendResponse
from firstlight.v1.recommendation_service_pb2_grpc import (
    RecommendationServiceServicer,
    add_RecommendationServiceServicer_to_server,
)


class Echo(RecommendationServiceServicer):
    """Answers with ``answer``, whatever was asked."""

    def __init__(self, answer: RecommendResponse) -> None:
        self._fields: dict[str, Any] = MessageToDict(
            answer.recommendation, preserving_proto_field_name=True, use_integers_for_enums=True
        )

    async def Recommend(self, request: RecommendRequest, context: Any) -> RecommendResponse:  # noqa: N802
        """The same list as ever."""
        return RecommendResponse(recommendation=Recommendation(**self._fields))


async def serve(answer: RecommendResponse, port: int) -> None:
    """Until the process is ended."""
    server = grpc.aio.server()
    add_RecommendationServiceServicer_to_server(Echo(answer), server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    print(f"Serving on 127.0.0.1:{bound}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve(RecommendResponse.FromString(Path(sys.argv[1]).read_bytes()), int(sys.argv[2])))

"""``firstlight.v1.InteractionService``."""

from __future__ import annotations

from typing import Any

from firstlight.server import from_proto, limits, request_ids
from firstlight.server.backend import Backend
from firstlight.server.checks import Checks
from firstlight.store import InteractionWrite
from firstlight.v1 import interaction_service_pb2 as pb
from firstlight.v1.interaction_service_pb2_grpc import InteractionServiceServicer


class InteractionService(InteractionServiceServicer):
    """Keeps interactions."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def BatchWriteInteractions(
        self, request: pb.BatchWriteInteractionsRequest, context: Any
    ) -> pb.BatchWriteInteractionsResponse:
        """Write interactions; answered after the commit."""
        request_ids.adopt(context, request.request_id)
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            request_id = checks.optional_id(request.request_id, "request_id")
            batch = []
            if checks.batch(request.interactions, limits.MAX_INTERACTIONS, "interactions"):
                batch = [
                    from_proto.interaction(message, f"interactions[{n}]", checks)
                    for n, message in enumerate(request.interactions)
                ]
        result = await self._backend.writing_interactions(InteractionWrite(catalog_id, batch, request_id))
        if result.written:
            self._backend.observe("firstlight_interactions_written", catalog_id=catalog_id, count=result.written)
        return pb.BatchWriteInteractionsResponse(
            write_token=str(result.write_token), written_count=result.written, unchanged_count=result.unchanged
        )

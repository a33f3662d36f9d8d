"""Interactions of any number, as calls that the server takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from firstlight.client import calls
from firstlight.client.calls import Call
from firstlight.v1.interaction_pb2 import Interaction
from firstlight.v1.interaction_service_pb2 import BatchWriteInteractionsResponse

MAX_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Written:
    """The answers of several batches as one; ``write_token`` is the last one's, empty where nothing was written."""

    write_token: str = ""
    written_count: int = 0
    unchanged_count: int = 0

    def plus(self, response: BatchWriteInteractionsResponse) -> Written:
        """This, and one more answer."""
        return Written(
            response.write_token,
            self.written_count + response.written_count,
            self.unchanged_count + response.unchanged_count,
        )


def batches(
    interactions: Iterable[Interaction | Mapping[str, Any]], size: int
) -> Iterator[Call[BatchWriteInteractionsResponse]]:
    """Calls with ``size`` interactions each, made one after the other: a generator is never held whole.

    Raises:
        ValueError: ``size`` is not 1 to 10,000.
    """
    if not 1 <= size <= MAX_BATCH:
        raise ValueError(f"batch_size must be 1 to {MAX_BATCH:,}")
    remaining = iter(interactions)
    while batch := list(islice(remaining, size)):
        yield calls.write_interactions(batch)

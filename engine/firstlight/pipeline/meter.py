"""What operators may want to count of answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from firstlight.domain import Query
from firstlight.pipeline.results import Recommendation
from firstlight.pipeline.stopwatch import Timing


class Meter:
    """Is told, by any thread and amid an answer, what goes on. This one counts nothing."""

    def fault(self, component: str, kind: str, /) -> None:
        """A component failed. ``kind``: a name of :class:`~firstlight.pipeline.DegradationReason`."""

    def answered(self, answers: Sequence[Recommendation]) -> None:
        """These answers were computed, together."""

    def timed(self, timings: Sequence[Timing]) -> None:
        """So long took stages of a call, beside those that the answers of :meth:`answered` tell."""

    def asked_users(self, queries: Sequence[Query]) -> None:
        """The state of the users of ``queries`` was looked for in memory."""

    def read_users(self, count: int) -> None:
        """The state of ``count`` users was not in memory and was read from the store."""

    def activated(self, catalog_id: str, bundle_id: str, created_at: datetime) -> None:
        """This process answers from a bundle, made ``created_at``, from now on."""

    def refused(self, catalog_id: str, bundle_id: str) -> None:
        """A bundle that is to answer cannot, and another one goes on."""

"""What the supervisor and a worker tell each other, as lines in two pipes. Imports neither gRPC nor models.

The worker reports :data:`READY` once it serves and then :data:`BEAT` every :data:`BEAT_S` seconds; :data:`RENEW`, which
is a beat too, asks for a successor; :data:`ERROR` and a text say why it cannot serve. The supervisor tells its
:class:`WorkerConfig`, and at last a :class:`Drain`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

READY = "ready"
BEAT = "beat"
RENEW = "renew"
ERROR = "error: "

BEAT_S = 0.25


class Drain(StrEnum):
    """Where a worker that ends reports NOT_SERVING first.

    Not on the shared port while others listen there: whoever checks health and knows that address alone would call
    nobody.
    """

    EVERYWHERE = "everywhere"
    """The whole server ends."""

    OWN_PORT = "own port"
    """A successor has its place; callers of the workers' own ports call the other workers meanwhile."""

    SILENTLY = "silently"
    """Another server has all the ports: to callers of any it is there already."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """``settings`` as JSON, ``report_fd`` the pipe to report into.

    ``address``: a literal IP and the port of all workers; ``own_address``: with a port of its own, empty without one.
    """

    settings: dict[str, Any]
    address: str
    own_address: str
    report_fd: int

    def to_line(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Inverse of :meth:`to_line`."""
        return cls(**json.loads(line))

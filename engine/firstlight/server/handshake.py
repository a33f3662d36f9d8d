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

    Never on a port where others listen: whoever checks health and knows one address would call nobody.
    """

    EVERYWHERE = "everywhere"
    """The whole server ends."""

    SILENTLY = "silently"
    """Others listen where the worker did."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """``settings`` as JSON, ``address`` a literal IP and port, ``report_fd`` the pipe to report into."""

    settings: dict[str, Any]
    address: str
    report_fd: int

    def to_line(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Inverse of :meth:`to_line`."""
        return cls(**json.loads(line))

"""What the supervisor tells a worker, and what it hears back. Imports neither gRPC nor models."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

READY = "ready"
ERROR = "error: "


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """``settings`` as JSON, ``address`` a literal IP and port, ``ready_fd`` the pipe to report into."""

    settings: dict[str, Any]
    address: str
    ready_fd: int

    def to_line(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Inverse of :meth:`to_line`."""
        return cls(**json.loads(line))

"""grpc.health.v1 without its package: an empty request, and a response with one enum."""

from __future__ import annotations

CHECK = "/grpc.health.v1.Health/Check"
_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")


def read_status(response: bytes) -> str:
    """The status in a serialised HealthCheckResponse: field 1, a varint; nothing where it is 0."""
    return _STATUSES[response[1] if response else 0]

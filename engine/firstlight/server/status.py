"""An exception as a gRPC status: code, message, and google.rpc details small enough for every client."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import code_pb2, error_details_pb2, status_pb2

from firstlight.errors import FirstlightError, InvalidInputError, OverloadedError, PluginError, Reason, Violation

DOMAIN = "firstlight"
DETAILS_KEY = "grpc-status-details-bin"
PUSH_BACK_KEY = "grpc-retry-pushback-ms"
"""Retries of gRPC (gRFC A6) wait this long, and callers who obey send nothing meanwhile."""

MAX_DETAILS_BYTES = 3 * 1024
"""Of the serialised details: 4 KiB in the base64 of a header; clients refuse more than 8 KiB of headers in all."""
MAX_VIOLATIONS = 20
MAX_MESSAGE_BYTES = 512
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failed call is answered with."""

    code: grpc.StatusCode
    message: str
    details: bytes
    push_back_s: float | None = None

    @property
    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """The details, and for how long to wait, where clients look for them."""
        details = (DETAILS_KEY, self.details)
        if self.push_back_s is None:
            return (details,)
        return (details, (PUSH_BACK_KEY, str(round(1000 * self.push_back_s))))


def to_failure(error: Exception, *, request_id: str) -> Failure:
    """The answer for ``error``. What is not ours, or is our own fault, says no more than ``request_id``."""
    internal = not isinstance(error, FirstlightError) or error.code == grpc.StatusCode.INTERNAL.name
    if internal or not isinstance(error, FirstlightError):
        reason = Reason.PLUGIN_FAULT if isinstance(error, PluginError) else Reason.INTERNAL
        error = FirstlightError(
            f"internal error; request_id {request_id} finds it in the server's log",
            reason=reason,
            metadata={"request_id": request_id},
        )
    message = _cut(str(error), MAX_MESSAGE_BYTES)
    push_back_s = error.push_back_s if isinstance(error, OverloadedError) else None
    return Failure(grpc.StatusCode[error.code], message, _details(error, message), push_back_s)


def _details(error: FirstlightError, message: str) -> bytes:
    metadata = {key[:64]: value[:MAX_TEXT] for key, value in error.metadata.items()}
    violations: list[Violation] = []
    if isinstance(error, InvalidInputError) and error.violations:
        violations = list(error.violations[:MAX_VIOLATIONS])
        metadata["violations"] = str(error.total)
    info = error_details_pb2.ErrorInfo(reason=error.reason or error.default_reason, domain=DOMAIN, metadata=metadata)
    status = status_pb2.Status(code=code_pb2.Code.Value(error.code), message=message)
    status.details.add().Pack(info)
    if violations:
        status.details.append(_bad_request(violations))
    while status.ByteSize() > MAX_DETAILS_BYTES and violations:
        violations.pop()
        del status.details[1:]
        status.details.append(_bad_request(violations))
    return bytes(status.SerializeToString())


def _bad_request(violations: list[Violation]) -> Any:
    packed = Any()
    packed.Pack(
        error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(
                    field=_cut(v.field, MAX_TEXT), description=_cut(v.description, MAX_TEXT)
                )
                for v in violations
            ]
        )
    )
    return packed


def _cut(text: str, size: int) -> str:
    """One line of at most ``size`` bytes."""
    line = " ".join(text.split()).encode("utf-8", "replace")
    return line.decode() if len(line) <= size else line[: size - 3].decode("utf-8", "ignore") + "…"

"""A failed call as an exception of the one tree."""

from __future__ import annotations

from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from firstlight.errors import (
    ConflictError,
    CorruptBundleError,
    DeadlineError,
    FirstlightError,
    InvalidInputError,
    NotFoundError,
    OverloadedError,
    PreconditionError,
    Reason,
    UnavailableError,
    Violation,
)

DETAILS_KEY = "grpc-status-details-bin"
PUSH_BACK_KEY = "grpc-retry-pushback-ms"
DOMAIN = "firstlight"

_CLASSES: dict[str, type[FirstlightError]] = {
    cls.code: cls
    for cls in (
        ConflictError,
        CorruptBundleError,
        DeadlineError,
        InvalidInputError,
        NotFoundError,
        OverloadedError,
        PreconditionError,
        UnavailableError,
    )
}


def to_error(failure: grpc.RpcError, *, address: str, timeout_s: float | None) -> FirstlightError:
    """The exception that says what ``failure`` means."""
    call: Any = failure  # every RpcError that a call raises is a Call too
    code: grpc.StatusCode = call.code()
    message = call.details() or code.name
    info, violations = _details(call.trailing_metadata() or ())
    if info is None and code is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = f"no answer from {address} within {timeout_s:g} s: is a server running there?"
    elif info is None and code is grpc.StatusCode.UNAVAILABLE:
        message = f"cannot reach {address}: {message}"
    cls = _CLASSES.get(code.name, FirstlightError)
    if cls is OverloadedError and info is None:  # gRPC's own, as for a message that is too large
        cls = FirstlightError
    metadata = dict(info.metadata) if info is not None else {}
    if cls is InvalidInputError:
        total = int(metadata.get("violations", len(violations)))
        error: FirstlightError = InvalidInputError(message, violations=violations, total=total, metadata=metadata)
    else:
        error = cls(message if code.name == cls.code else f"{code.name}: {message}", metadata=metadata)
    if isinstance(error, OverloadedError):
        told = dict(call.trailing_metadata() or ()).get(PUSH_BACK_KEY, "0")
        error.push_back_s = max(0.0, int(told) / 1000)
    error.code = code.name
    error.reason = _reason(info.reason if info is not None else "")
    return error


def _reason(name: str) -> str:
    return Reason(name) if name in Reason.__members__ else name


def _details(trailing: Any) -> tuple[Any | None, list[Violation]]:
    """The ErrorInfo (None where the failure is not one of ours) and the field violations."""
    status = status_pb2.Status()
    for key, value in trailing:
        if key == DETAILS_KEY:
            status.ParseFromString(value)
    info, violations = None, []
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            found = error_details_pb2.ErrorInfo()
            detail.Unpack(found)
            info = found if found.domain == DOMAIN else info  # a proxy's reasons are not ours
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            violations = [Violation(v.field, v.description) for v in bad.field_violations]
    return info, violations

import base64

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from firstlight import errors
from firstlight.errors import FirstlightError, InvalidInputError, PluginError, Reason, Violation
from firstlight.server.status import Failure, to_failure

ERRORS = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, FirstlightError)]


def unpacked(failure: Failure) -> tuple[error_details_pb2.ErrorInfo, error_details_pb2.BadRequest]:
    status = status_pb2.Status.FromString(failure.details)
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    status.details[0].Unpack(info)
    if len(status.details) > 1:
        status.details[1].Unpack(bad)
    return info, bad


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_every_class_has_its_code_and_reason(cls: type[FirstlightError]) -> None:
    failure = to_failure(cls("a clear line", metadata={"k": "v"}), request_id="r-1")
    info, _ = unpacked(failure)
    assert failure.code is grpc.StatusCode[cls.code]
    assert (info.reason, info.domain) == (cls.default_reason.value, "firstlight")
    internal = cls.code == "INTERNAL"
    assert (failure.message == "a clear line") is not internal
    assert dict(info.metadata) == ({"request_id": "r-1"} if internal else {"k": "v"})


@pytest.mark.parametrize("error", [ValueError("secret"), PluginError("secret"), FirstlightError("secret")])
def test_internal_errors_tell_nothing(error: Exception) -> None:
    failure = to_failure(error, request_id="r-2")
    assert failure.code is grpc.StatusCode.INTERNAL
    assert "r-2" in failure.message
    assert b"secret" not in failure.message.encode() + failure.details


@pytest.mark.parametrize("letter", ["x", "é", "漢", "🎬", "\n"])
def test_details_and_message_stay_small(letter: str) -> None:
    violations = [Violation(f"items[{n}].attributes.{letter * 500}", letter * 5000) for n in range(100)]
    error = InvalidInputError(letter * 5000, violations=violations, total=5000, metadata={"key": letter * 9000})
    failure = to_failure(error, request_id="")
    assert len(base64.b64encode(failure.details)) <= 4096
    assert len(failure.message.encode()) <= 512
    info, bad = unpacked(failure)
    assert info.metadata["violations"] == "5000"
    assert 1 <= len(bad.field_violations) <= 20
    assert bad.field_violations[0].field.startswith("items[0].attributes.")


def test_twenty_ordinary_violations_all_fit() -> None:
    violations = [Violation(f"interactions[{n}].item_id", "must be a finite number and more") for n in range(50)]
    _, bad = unpacked(to_failure(InvalidInputError("m", violations=violations), request_id=""))
    assert len(bad.field_violations) == 20


def test_a_given_reason_wins() -> None:
    info, _ = unpacked(to_failure(InvalidInputError("m", reason=Reason.SETTINGS_INVALID), request_id=""))
    assert info.reason == "SETTINGS_INVALID"

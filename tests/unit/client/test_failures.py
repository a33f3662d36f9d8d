import grpc
import pytest

from firstlight import errors
from firstlight.client.failures import to_error
from firstlight.errors import FirstlightError, InvalidInputError, OverloadedError, Reason, Violation
from firstlight.server.status import to_failure

ERRORS = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, FirstlightError)]


class Failed(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode, details: str = "", metadata: object = ()) -> None:
        self._parts = code, details, metadata

    def code(self) -> grpc.StatusCode:
        return self._parts[0]

    def details(self) -> str:
        return self._parts[1]

    def trailing_metadata(self) -> object:
        return self._parts[2]


def through(error: Exception) -> FirstlightError:
    """What arrives in the client when ``error`` is raised in the server."""
    failure = to_failure(error, request_id="r")
    failed = Failed(failure.code, failure.message, failure.trailing_metadata)
    return to_error(failed, address="here:1", timeout_s=3)


@pytest.mark.parametrize("cls", [c for c in ERRORS if c.code != "INTERNAL"], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("reason", [None, Reason.HOME_TOO_NEW])
def test_an_error_arrives_as_it_was_raised(cls: type[FirstlightError], reason: Reason | None) -> None:
    sent = cls("a clear line", reason=reason, metadata={"key": "value"})
    arrived = through(sent)
    assert type(arrived) is cls
    assert (str(arrived), arrived.reason, arrived.metadata) == (str(sent), sent.reason, sent.metadata)


def test_a_push_back_arrives() -> None:
    arrived = through(OverloadedError("later", push_back_s=0.25))
    assert isinstance(arrived, OverloadedError)
    assert arrived.push_back_s == 0.25


def test_a_limit_of_grpc_is_no_overload() -> None:
    failed = Failed(grpc.StatusCode.RESOURCE_EXHAUSTED, "message too large", ())
    assert type(to_error(failed, address="here:1", timeout_s=3)) is FirstlightError


def test_violations_arrive_and_are_counted() -> None:
    violations = [Violation(f"items[{n}].item_id", "is bad") for n in range(30)]
    arrived = through(InvalidInputError("m", violations=violations, total=700))
    assert isinstance(arrived, InvalidInputError)
    assert (arrived.violations, arrived.total) == (tuple(violations[:20]), 700)


def test_a_fault_of_the_server() -> None:
    arrived = through(ValueError("secret"))
    assert type(arrived) is FirstlightError
    assert arrived.metadata == {"request_id": "r"}
    assert "secret" not in str(arrived)


def test_failures_that_are_not_ours() -> None:
    def arrived(code: grpc.StatusCode, details: str = "") -> tuple[str, str]:
        error = to_error(Failed(code, details), address="here:1", timeout_s=3)
        return type(error).__name__, str(error)

    status = grpc.StatusCode
    assert arrived(status.UNAVAILABLE, "refused") == ("UnavailableError", "cannot reach here:1: refused")
    name, text = arrived(status.DEADLINE_EXCEEDED)
    assert name == "DeadlineError"
    assert "here:1 within 3 s" in text
    assert arrived(status.UNIMPLEMENTED, "no") == ("FirstlightError", "UNIMPLEMENTED: no")
    assert arrived(status.INVALID_ARGUMENT, "bad") == ("InvalidInputError", "bad")


def test_a_reason_of_a_newer_server_is_no_obstacle() -> None:
    failure = to_failure(InvalidInputError("m"), request_id="")
    metadata = [(key, value.replace(b"INVALID_FIELD", b"INVALID_SHAPE")) for key, value in failure.trailing_metadata]
    arrived = to_error(Failed(failure.code, "m", metadata), address="", timeout_s=None)
    assert arrived.reason == "INVALID_SHAPE"


def test_an_error_of_grpc_itself_has_its_code_and_no_reason() -> None:
    arrived = to_error(Failed(grpc.StatusCode.PERMISSION_DENIED, "no"), address="", timeout_s=None)
    assert (type(arrived), arrived.code, arrived.reason) == (FirstlightError, "PERMISSION_DENIED", "")
    assert to_error(Failed(grpc.StatusCode.NOT_FOUND, "no"), address="", timeout_s=None).reason == ""


def test_details_of_another_domain_are_not_ours() -> None:
    failure = to_failure(InvalidInputError("m"), request_id="")
    metadata = [(key, value.replace(b"firstlight", b"somewhere_")) for key, value in failure.trailing_metadata]
    arrived = to_error(Failed(failure.code, "m", metadata), address="", timeout_s=None)
    assert (type(arrived), arrived.reason) == (InvalidInputError, "")

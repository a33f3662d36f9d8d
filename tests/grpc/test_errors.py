import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from firstlight.client import Client
from firstlight.errors import FirstlightError
from firstlight.v1 import (
    interaction_service_pb2,
    interaction_service_pb2_grpc,
    recommendation_service_pb2,
    recommendation_service_pb2_grpc,
)
from firstlight.v1.interaction_pb2 import Interaction

pytestmark = pytest.mark.xdist_group("grpc")


def details_of(error: grpc.RpcError) -> tuple[bytes, status_pb2.Status]:
    raw = dict(error.trailing_metadata())["grpc-status-details-bin"]
    return raw, status_pb2.Status.FromString(raw)


def test_details_are_rich_and_small(server: object) -> None:
    bad = Interaction(user_id="ü" * 200, item_id="", value=float("nan"), type="\n")
    request = interaction_service_pb2.BatchWriteInteractionsRequest(catalog_id="B A D", interactions=[bad] * 5000)
    with grpc.insecure_channel(server.address) as channel:
        stub = interaction_service_pb2_grpc.InteractionServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.BatchWriteInteractions(request)
    raw, status = details_of(caught.value)
    assert len(raw) <= 4096
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert status.code == 3
    assert status.message == caught.value.details()
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad_request)
    assert (info.domain, info.reason, info.metadata["violations"]) == ("firstlight", "INVALID_FIELD", "20001")
    assert len(bad_request.field_violations) == 20
    assert bad_request.field_violations[0].field == "catalog_id"


def test_every_error_has_a_reason(server: object) -> None:
    with grpc.insecure_channel(server.address) as channel:
        stub = recommendation_service_pb2_grpc.RecommendationServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Recommend(recommendation_service_pb2.RecommendRequest(catalog_id="nothing-here"))
    _, status = details_of(caught.value)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.metadata["catalog_id"]) == ("NO_ACTIVE_BUNDLE", "nothing-here")
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_a_message_that_is_too_large(server: object) -> None:
    text = "x" * (17 * 1024 * 1024)
    with grpc.insecure_channel(server.address) as channel:
        stub = recommendation_service_pb2_grpc.RecommendationServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Recommend(recommendation_service_pb2.RecommendRequest(catalog_id=text))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert stub.Recommend(recommendation_service_pb2.RecommendRequest()).recommendation.items


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x12\x04\x0a\x02\xff\xfe"])  # the second: a user id of FF FE
def test_bytes_that_are_no_message(server: object, data: bytes) -> None:
    with grpc.insecure_channel(server.address) as channel:
        for method in ("RecommendationService/Recommend", "TrainingService/WatchTrainingJob"):
            call = channel.unary_stream(f"/firstlight.v1.{method}", None, None)
            with pytest.raises(grpc.RpcError, match="not valid UTF-8") as caught:
                list(call(data))
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            _, status = details_of(caught.value)
            assert [detail.TypeName() for detail in status.details] == ["google.rpc.ErrorInfo"]


def test_a_method_that_is_not_there(server: object) -> None:
    with grpc.insecure_channel(server.address) as channel:
        missing = channel.unary_unary("/firstlight.v1.RecommendationService/Guess", None, None)
        with pytest.raises(grpc.RpcError) as caught:
            missing(b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_nobody_listens() -> None:
    with (
        Client.connect("127.0.0.1:1", timeout_s=5, wait_for_ready=False) as client,
        pytest.raises(FirstlightError, match=r"cannot reach 127\.0\.0\.1:1") as caught,
    ):
        client.recommend()
    assert caught.value.code == "UNAVAILABLE"
    with (
        Client.connect("127.0.0.1:1", timeout_s=0.3) as client,
        pytest.raises(FirstlightError, match=r"no answer from 127\.0\.0\.1:1 within 0\.3 s") as caught,
    ):
        client.recommend()
    assert caught.value.code == "DEADLINE_EXCEEDED"

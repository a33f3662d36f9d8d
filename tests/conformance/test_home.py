"""Servers know the users of the cases before the cases begin."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from home import WARMING_CONNECTIONS, warm

from firstlight.v1.recommendation_pb2 import Degradation, Recommendation
from firstlight.v1.recommendation_service_pb2 import BatchRecommendRequest, BatchRecommendResponse


class Late:
    """A server that reads its users late, a number of times on each connection."""

    def __init__(self, times):
        self._left, self._times, self.connections = {}, times, set()

    def service(self, details):
        def answer(request, context):
            self.connections.add(context.peer())
            left = self._left.setdefault(context.peer(), self._times)
            self._left[context.peer()] = left - 1
            late = [Degradation(reason=Degradation.REASON_USER_STATE_UNAVAILABLE)] if left > 0 else []
            recommendations = [Recommendation(degraded=late), Recommendation()]
            return BatchRecommendResponse(recommendations=recommendations)

        return grpc.unary_unary_rpc_method_handler(
            answer, BatchRecommendRequest.FromString, BatchRecommendResponse.SerializeToString
        )


@pytest.mark.parametrize(("times", "warms"), [(0, True), (3, True), (10**6, False)])
def test_servers_read_their_users_over_many_connections_before_the_cases(times, warms):
    late = Late(times)
    server = grpc.server(ThreadPoolExecutor(2), handlers=[late])
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        if warms:
            warm(address, ["a", "b"])
            assert len(late.connections) == WARMING_CONNECTIONS
        else:
            with pytest.raises(RuntimeError, match="a, b"):
                warm(address, ["a", "b"])
    finally:
        server.stop(None).wait()

"""Who is let in, and who is told to come back later."""

import random

import grpc
import pytest

from firstlight.errors import DeadlineError, OverloadedError
from firstlight.server.batching import LARGEST
from firstlight.server.fence import FEW, MOST_REFUSALS, SPREAD, Fence
from firstlight.server.status import PUSH_BACK_KEY, to_failure
from firstlight.settings import ServeSettings

PORT = "127.0.0.1:7070"
SLOW_S = 0.3


@pytest.fixture
def fence():
    return Fence(ServeSettings(max_queue_delay_s=0.1), chance=random.Random(0))


def delayed(fence, delay_s, port=PORT):
    """Often enough that as many may be refused as ever."""
    for _ in range(MOST_REFUSALS):
        fence.measured(port, delay_s)


def refusals(fence, calls):
    count = 0
    for _ in range(calls):
        try:
            fence.admit(10.0, ahead=FEW + 1)
        except OverloadedError:
            count += 1
    return count


def test_an_idle_server_lets_everybody_in(fence):
    delayed(fence, 0.09)
    assert refusals(fence, 100) == 0


def test_a_long_queue_is_pushed_back(fence):
    delayed(fence, SLOW_S)
    with pytest.raises(OverloadedError, match="more calls wait") as caught:
        fence.admit(10.0, ahead=FEW + 1)
    assert 1.0 <= caught.value.push_back_s <= SPREAD
    failure = to_failure(caught.value, request_id="")
    assert failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert dict(failure.trailing_metadata)[PUSH_BACK_KEY] == str(round(1000 * caught.value.push_back_s))


def test_one_pause_is_no_queue_and_the_slowest_port_counts(fence):
    delayed(fence, 0.01)
    fence.measured(PORT, SLOW_S)
    assert refusals(fence, 10) == 0
    fence.measured("another", SLOW_S)
    assert refusals(fence, 10) == 1
    fence.measured(PORT, 0.01)
    assert refusals(fence, 10) == 2, "another still waits"
    fence.measured("another", 0.01)
    assert refusals(fence, 10) == 0, "it is over"


def test_calls_that_grpc_refused_are_a_queue_as_well(fence):
    for refused in (7, 1):
        fence.measured(PORT, 0.01, refused)
    assert refusals(fence, 10) == 1
    fence.measured(PORT, 0.01, 0)
    assert refusals(fence, 10) == 0


def test_few_calls_are_let_in_however_slow_the_machine_is(fence):
    delayed(fence, SLOW_S)
    fence.admit(10.0, ahead=FEW)


def test_refusals_become_more_while_nothing_else_helps_and_fewer_once_it_does(fence):
    found = []
    for delay_s in (SLOW_S,) * (MOST_REFUSALS + 1) + (0.01, SLOW_S, SLOW_S):
        fence.measured(PORT, delay_s)
        found.append(refusals(fence, 100))
    rising = list(range(MOST_REFUSALS))
    assert found == [*rising, rising[-1], 0, MOST_REFUSALS // 2, MOST_REFUSALS // 2 + 1]


def test_a_deadline_that_leaves_no_time_is_told_apart(fence):
    fence.admit(0.001)  # nothing is known yet
    fence.computed(10, 0.1)
    fence.admit(0.011)
    with pytest.raises(DeadlineError, match="9 ms"):
        fence.admit(0.009)
    with pytest.raises(OverloadedError, match="20 queries") as caught:
        fence.admit(0.1, ahead=20)
    assert 1.0 <= caught.value.push_back_s <= SPREAD


def test_those_taken_in_are_a_queue_too(fence):
    fence.computed(1, 0.01)
    fence.admit(10.0, ahead=LARGEST + 10)  # the setting's 0.1 s beyond one full batch
    with pytest.raises(OverloadedError):
        fence.admit(10.0, ahead=LARGEST + 11)
    fence.query_s = 0.001
    fence.admit(10.0, ahead=LARGEST + 11)


def test_slow_queries_are_no_queue(fence):
    fence.computed(1, 0.01)
    delayed(fence, 0.1 + LARGEST * 0.01)
    assert refusals(fence, 10) == 0
    delayed(fence, 0.11 + LARGEST * 0.01)
    assert refusals(fence, 10) == MOST_REFUSALS - 1


def test_what_a_query_takes_is_forgotten_where_nobody_gets_in(fence):
    fence.computed(1, 5.0)
    tries = 0
    while True:
        tries += 1
        try:
            fence.admit(1.0)
            break
        except DeadlineError:
            assert tries < 100
    assert tries > 10


def test_what_a_query_takes_is_smoothed(fence):
    fence.computed(2, 0.2)
    assert fence.query_s == pytest.approx(0.1)
    fence.computed(1, 0.6)
    assert fence.query_s == pytest.approx(0.2)

"""Who is let in, and who is told to come back later."""

import random

import grpc
import pytest

from firstlight.errors import DeadlineError, OverloadedError
from firstlight.server import fence as fences
from firstlight.server.batching import LARGEST
from firstlight.server.fence import BURST, FEW, REFUSALS_PER_S, SAMPLES, Fence
from firstlight.server.status import PUSH_BACK_KEY, to_failure
from firstlight.settings import ServeSettings

PORT = "127.0.0.1:7070"
SLOW_S = 0.3


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_s = 50.0

        def monotonic(self):
            return self.now_s

    found = Clock()
    monkeypatch.setattr(fences, "time", found)
    return found


@pytest.fixture
def fence(clock):
    return Fence(ServeSettings(max_queue_delay_s=0.1), chance=random.Random(0))


def delayed(fence, delay_s, port=PORT):
    for _ in range(SAMPLES):
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
    with pytest.raises(OverloadedError, match="wait 300 ms") as caught:
        fence.admit(10.0, ahead=FEW + 1)
    assert 1.0 <= caught.value.push_back_s <= 1.5
    failure = to_failure(caught.value, request_id="")
    assert failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert dict(failure.trailing_metadata)[PUSH_BACK_KEY] == str(round(1000 * caught.value.push_back_s))


def test_one_pause_is_no_queue_and_the_slowest_port_counts(fence):
    delayed(fence, 0.01)
    fence.measured(PORT, SLOW_S)
    assert refusals(fence, 1) == 0
    delayed(fence, SLOW_S, "another")
    assert refusals(fence, 1) == 1
    delayed(fence, 0.01, "another")
    assert refusals(fence, 1) == 0, "it is over"


def test_few_calls_are_let_in_however_slow_the_machine_is(fence):
    delayed(fence, SLOW_S)
    fence.admit(10.0, ahead=FEW)


def test_refusing_takes_a_small_part_of_the_time(fence, clock):
    delayed(fence, SLOW_S)
    assert refusals(fence, 1000) == BURST
    clock.now_s += 0.1
    assert refusals(fence, 1000) == pytest.approx(REFUSALS_PER_S / 10, abs=1)


def test_a_deadline_that_leaves_no_time_is_told_apart(fence):
    fence.admit(0.001)  # nothing is known yet
    fence.computed(10, 0.1)
    fence.admit(0.011)
    with pytest.raises(DeadlineError, match="9 ms"):
        fence.admit(0.009)
    with pytest.raises(OverloadedError, match="20 queries") as caught:
        fence.admit(0.1, ahead=20)
    assert 1.0 <= caught.value.push_back_s <= 1.5


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
    assert refusals(fence, 10) == 10


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

"""Whole servers end while callers call: one of two, one that has a successor, and a lone one."""

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from firstlight.v1.interaction_pb2 import Interaction
from firstlight.v1.interaction_service_pb2 import BatchWriteInteractionsRequest
from firstlight.v1.interaction_service_pb2_grpc import InteractionServiceStub


def test_one_of_two_servers_ends(serve: Callable[..., object], call: Callable[..., object], home: Path) -> None:
    with (
        serve(home, "--port", "0") as first,
        serve(home, "--port", "0") as second,
        call(first.address, second.address) as history,
    ):
        first.process.send_signal(signal.SIGTERM)
        history.until(lambda: first.process.poll() is not None)
        assert first.process.returncode == 0
    assert history.failures() == []


def test_a_server_is_taken_over(serve: Callable[..., object], call: Callable[..., object], home: Path) -> None:
    with ExitStack() as servers:
        old = servers.enter_context(serve(home, "--port", "0", "--workers", "2"))
        with call(old.address) as history:
            for workers in ("1", "2", "2"):
                options = ("--port", str(old.port), "--workers", workers, "--takeover")
                new = servers.enter_context(serve(home, *options))
                history.until(lambda old=old: old.process.poll() is not None)
                assert old.process.returncode == 0
                old = new
    assert history.failures() == []


def test_a_lone_server_answers_every_call_it_has_begun(
    serve: Callable[..., object], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writes that take long are under way when it closes its port, and nothing is repeated."""
    monkeypatch.setenv("FIRSTLIGHT_SERVE__DRAIN_DELAY_S", "0")
    with serve(home, "--port", "0") as server:
        with grpc.insecure_channel(server.address, [("grpc.enable_retries", 0)]) as channel:
            write = InteractionServiceStub(channel).BatchWriteInteractions
            write(BatchWriteInteractionsRequest(interactions=[interaction(0, 0)]), timeout=10)
            begun = [
                write.future(BatchWriteInteractionsRequest(interactions=[interaction(c, n) for n in range(10_000)]))
                for c in range(4)
            ]
            time.sleep(0.3)
            assert not all(each.done() for each in begun)
            server.process.send_signal(signal.SIGTERM)
            answers = [each.result(timeout=30).written_count for each in begun]
        assert server.process.wait(30) == 0
    assert sum(answers) == 4 * 10_000 - 1


def interaction(caller: int, number: int) -> Interaction:
    return Interaction(user_id=f"user-{caller}", item_id=f"item-{number % 20}", interaction_id=f"{caller}-{number}")

import socket

import pytest

from firstlight.errors import InvalidInputError, PreconditionError, Reason
from firstlight.server.ports import reserve


def test_port_0_finds_a_free_one_that_sharers_can_listen_on() -> None:
    with reserve("127.0.0.1", 0) as held:
        assert held.address == f"127.0.0.1:{held.port}"
        for _ in range(2):
            with socket.socket() as worker:
                worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                worker.bind((held.host, held.port))
                worker.listen()
                with socket.create_connection((held.host, held.port), 2):
                    worker.accept()[0].close()


def test_a_listener_is_noticed_even_if_it_shares() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PreconditionError, match="in use") as caught:
            reserve("127.0.0.1", other.getsockname()[1])
    assert caught.value.reason is Reason.PORT_IN_USE


def test_two_reservations_exclude_each_other() -> None:
    with reserve("127.0.0.1", 0) as held, pytest.raises(PreconditionError):
        reserve("127.0.0.1", held.port)
    reserve("127.0.0.1", held.port).__exit__(None, None, None)


def test_ipv6_is_written_in_brackets() -> None:
    with reserve("::1", 0) as held:
        assert held.address == f"[::1]:{held.port}"


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host"])
def test_a_host_that_is_not_here(host: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot listen on"):
        reserve(host, 0)

"""Holds a port that several workers share, after making sure that nobody else has it."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from firstlight.errors import InvalidInputError, PreconditionError, Reason, Violation

LAST_PORT = 65535


@dataclass(slots=True)
class Reservation:
    """A bound socket that never listens: the kernel gives its port to no stranger, and no connection to it."""

    host: str
    port: int
    _held: socket.socket

    @property
    def address(self) -> str:
        """``host:port`` with a literal IP."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._held.close()


def reserve(host: str, port: int, *, sharing: bool = False) -> Reservation:
    """Reserve ``port`` of ``host``, a free one where it is 0.

    With SO_REUSEPORT, two servers of one user would share the port unknowingly and each answer half of the calls. So
    the port is first bound without it, which fails where anybody listens; unless ``sharing`` it is what is wanted.

    Raises:
        PreconditionError: PORT_IN_USE.
        InvalidInputError: this machine cannot listen there.
    """
    try:
        if port > LAST_PORT:
            raise OSError(f"the last port is {LAST_PORT}")
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, place = found[0]
        if not sharing:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT are no listener
                probe.bind(place)
                place = probe.getsockname()
        held = socket.socket(family, socket.SOCK_STREAM)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(place)
        place = held.getsockname()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PreconditionError(
                f"port {port} of {host} is in use by another process: choose another one, 0 for any; "
                "or --takeover, where that is a server of this home",
                reason=Reason.PORT_IN_USE,
            ) from error
        text = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise InvalidInputError(
            text, violations=[Violation("serve.host", text)], reason=Reason.SETTINGS_INVALID
        ) from error
    return Reservation(str(place[0]), int(place[1]), held)

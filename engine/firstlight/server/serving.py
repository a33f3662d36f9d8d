"""``firstlight serve`` as a function: ports, store and metrics of a server, and the supervisor that watches over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing

from firstlight.logs import say
from firstlight.server import scraping
from firstlight.server.claim import Claim
from firstlight.server.ports import Reservation, reserve
from firstlight.server.supervisor import Supervisor
from firstlight.server.workers import Worker
from firstlight.settings import Settings
from firstlight.store import open_store


def print_addresses(address: str, own_addresses: Sequence[str]) -> None:
    """Tell whoever started the server that it answers, and where."""
    say(f"Serving on {address}")
    if own_addresses:
        say(f"Workers on {' '.join(own_addresses)}")


def serve(
    settings: Settings,
    *,
    host: str | None = None,
    port: int | None = None,
    workers: int | None = None,
    worker_ports: bool | None = None,
    takeover: bool | None = None,
    announce: Callable[[str, Sequence[str]], None] = print_addresses,
) -> None:
    """Serve all catalogues of a home over gRPC until SIGTERM or SIGINT; a second signal ends everything at once.

    On SIGHUP all workers are replaced, one after another, each by a process that serves before the old one ends.

    ``host``, ``port`` (0: a free one), ``workers``, ``worker_ports`` and ``takeover`` default to the settings.
    ``announce`` is called with ``host:port``, and with those of single workers, once every worker answers. Call it from
    the main thread.

    With ``takeover`` the ports may be those of another server of the same home: that one ends once this one answers.

    Raises:
        PreconditionError: PORT_IN_USE; HOME_TOO_NEW.
        UnavailableError: a worker does not start, or the store does not answer.
        InvalidInputError: this machine cannot listen on ``host``.
    """
    given = {"host": host, "port": port, "workers": workers, "worker_ports": worker_ports, "takeover": takeover}
    chosen = settings.serve.model_copy(update={name: value for name, value in given.items() if value is not None})
    sharing = chosen.takeover and Claim(settings.home, chosen.host, chosen.port).holder is not None
    with ExitStack() as held:

        def reserved(port: int) -> Reservation:
            return held.enter_context(reserve(chosen.host, port, sharing=sharing))

        shared = reserved(chosen.port)
        own = [reserved(chosen.port and chosen.port + 1 + n) for n in range(chosen.workers * chosen.worker_ports)]
        store = held.enter_context(closing(open_store(settings)))
        held.enter_context(scraping.served(chosen.host, chosen.metrics_port, sharing=sharing))
        claim = held.enter_context(closing(Claim(settings.home, chosen.host, shared.port)))
        own_addresses = [each.address for each in own]
        places = [Worker(settings, shared.address, each) for each in own_addresses or [""] * chosen.workers]
        Supervisor(settings, store, places, claim).run(lambda: announce(shared.address, own_addresses))

"""``firstlight serve`` as a function: ports, store and metrics of a server, and the supervisor that watches over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing

from firstlight.server import metrics
from firstlight.server.ports import reserve
from firstlight.server.supervisor import Supervisor
from firstlight.server.workers import Worker
from firstlight.settings import Settings
from firstlight.store import open_store


def print_addresses(address: str, own_addresses: Sequence[str]) -> None:
    """Tell whoever started the server that it answers, and where."""
    own = f"\nWorkers on {' '.join(own_addresses)}" if own_addresses else ""
    print(f"Serving on {address}{own}", flush=True)


def serve(
    settings: Settings,
    *,
    host: str | None = None,
    port: int | None = None,
    workers: int | None = None,
    worker_ports: bool | None = None,
    announce: Callable[[str, Sequence[str]], None] = print_addresses,
) -> None:
    """Serve all catalogues of a home over gRPC until SIGTERM or SIGINT; a second signal ends everything at once.

    On SIGHUP all workers are replaced, one after another, each by a process that serves before the old one ends.

    ``host``, ``port`` (0: a free one), ``workers`` and ``worker_ports`` default to the settings. ``announce`` is called
    with ``host:port``, and with those of single workers, once every worker answers. Call it from the main thread.

    Raises:
        PreconditionError: PORT_IN_USE; HOME_TOO_NEW.
        UnavailableError: a worker does not start, or the store does not answer.
        InvalidInputError: this machine cannot listen on ``host``.
    """
    given = {"host": host, "port": port, "workers": workers, "worker_ports": worker_ports}
    chosen = settings.serve.model_copy(update={name: value for name, value in given.items() if value is not None})
    with ExitStack() as held:
        address = held.enter_context(reserve(chosen.host, chosen.port)).address
        own_addresses = [
            held.enter_context(reserve(chosen.host, chosen.port and chosen.port + 1 + n)).address
            for n in range(chosen.workers if chosen.worker_ports else 0)
        ]
        store = held.enter_context(closing(open_store(settings)))
        held.enter_context(metrics.served(chosen.host, chosen.metrics_port))
        places = [Worker(settings, address, own) for own in own_addresses or [""] * chosen.workers]
        Supervisor(settings, store, places).run(lambda: announce(address, own_addresses))

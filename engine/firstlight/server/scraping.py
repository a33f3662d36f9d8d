"""The metrics of all workers at one port: each counts in files of its own, the supervisor sums and serves them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from firstlight.errors import PreconditionError, Reason
from firstlight.server.ports import reserve

ThreadingWSGIServer.allow_reuse_port = True  # reserve() sees to it that only servers of one home share a port

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which workers find where to count; prometheus-client reads it when it is imported."""


@contextmanager
def served(host: str, port: int | None, *, sharing: bool = False) -> Iterator[None]:
    """Serve what the workers started meanwhile count at ``http://host:port/metrics``; None: nothing is served.

    ``sharing``: another server may serve its own at the same port, until it ends.

    Raises:
        PreconditionError: PORT_IN_USE.
    """
    if port is None:
        yield
        return
    with ExitStack() as held:
        try:
            reserved = held.enter_context(reserve(host, port, sharing=sharing))
        except PreconditionError as error:
            raise PreconditionError(f"cannot serve metrics: {error}", reason=Reason.PORT_IN_USE) from error
        directory = held.enter_context(tempfile.TemporaryDirectory(prefix="firstlight-metrics-"))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
        server, thread = start_http_server(reserved.port, reserved.host, registry)
        os.environ[DIRECTORY] = directory
        try:
            yield
        finally:
            del os.environ[DIRECTORY]
            server.shutdown()
            server.server_close()
            thread.join()


def forget(pid: int) -> None:
    """A worker has ended: what it was doing is no more; what it counted stays."""
    if DIRECTORY in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]

"""One worker process: ``python -m firstlight.server.worker``, started by the supervisor and by nobody else.

Its standard input begins with a :class:`~firstlight.server.handshake.WorkerConfig` as a line of JSON. When it serves
it writes ``ready`` into the pipe ``ready_fd``, or ``error: ...`` where it cannot. It ends in order on SIGTERM, and when
its standard input ends, which is when the supervisor is gone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import uvloop

from firstlight.errors import FirstlightError
from firstlight.server.app import App
from firstlight.server.backend import Backend
from firstlight.server.handshake import ERROR, READY, WorkerConfig
from firstlight.settings import Settings

STUCK_CHECK_S = 0.5

log = logging.getLogger(__name__)


async def _serve(settings: Settings, address: str, ready_fd: int) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    loop.add_reader(sys.stdin.fileno(), stopping.set)
    backend = Backend.open(settings)
    app = App(backend, address)
    await app.start()
    _tell(ready_fd, READY)
    watch = asyncio.create_task(_end_when_stuck(backend, stopping))
    await stopping.wait()
    watch.cancel()
    loop.remove_reader(sys.stdin.fileno())
    await app.stop()


async def _end_when_stuck(backend: Backend, stopping: asyncio.Event) -> None:
    """A thread that hangs cannot be ended, its process can: the supervisor starts another one."""
    while backend.recommender.stuck_threads < backend.settings.isolation.stuck_threads:
        await asyncio.sleep(STUCK_CHECK_S)
    log.error("%d threads hang in components: this worker ends", backend.recommender.stuck_threads)
    stopping.set()


def _tell(ready_fd: int, text: str) -> None:
    os.write(ready_fd, text.encode())
    os.close(ready_fd)


def main() -> int:
    """Serve until told to stop; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor passes it on in order
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s")
    config = WorkerConfig.from_line(sys.stdin.buffer.readline())
    try:
        uvloop.run(_serve(Settings.model_validate(config.settings), config.address, config.ready_fd))
    except FirstlightError as error:
        log.error("%s", error)
        _tell(config.ready_fd, f"{ERROR}{error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

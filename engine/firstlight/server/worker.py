"""One worker process: ``python -m firstlight.server.worker``, started by the supervisor and by nobody else.

Its standard input begins with a :class:`~firstlight.server.handshake.WorkerConfig` as a line of JSON; it reports into
the pipe ``report_fd``. It ends in order when its standard input says how, or ends because the supervisor is gone. On
SIGTERM it asks the supervisor for a successor, and serves until that does.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from contextlib import suppress
from typing import Any

import uvloop

from firstlight import logs
from firstlight.errors import FirstlightError
from firstlight.server.app import App
from firstlight.server.backend import Backend
from firstlight.server.handshake import BEAT, BEAT_S, ERROR, READY, RENEW, Drain, WorkerConfig
from firstlight.server.scheduling import let_the_loop_finish
from firstlight.server.warming import warm
from firstlight.settings import Settings

log = logging.getLogger(__name__)


async def _serve(settings: Settings, config: WorkerConfig) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_failure)
    told: asyncio.Future[Drain] = loop.create_future()
    backend = Backend.open(settings)
    await backend.blocking(warm, backend.store, backend.recommender)
    app = App(backend, config.address, config.own_address)
    loop.add_signal_handler(signal.SIGTERM, _tell, config.report_fd, RENEW)
    loop.add_reader(sys.stdin.fileno(), _listen, loop, told)
    await app.start()
    let_the_loop_finish()
    gc.freeze()  # modules and the first bundle stay: to look through them takes 60 ms in which nobody is answered
    _tell(config.report_fd, READY)
    beat = Beat(config.report_fd)
    backend.progressed = beat
    reporting = asyncio.create_task(_report(backend, beat, config.report_fd))
    await app.stop(await told)
    reporting.cancel()
    backend.meter.flush()


def _log_failure(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio reports; its own handler would print the exceptions' texts."""
    log.error("%s", context["message"], exc_info=context.get("exception"))


def _listen(loop: asyncio.AbstractEventLoop, told: asyncio.Future[Drain]) -> None:
    line = os.read(sys.stdin.fileno(), 4096).decode().strip()
    told.set_result(Drain(line) if line else Drain.EVERYWHERE)
    loop.remove_reader(sys.stdin.fileno())


class Beat:
    """Reports a beat when it is called, at most every :data:`BEAT_S` seconds."""

    def __init__(self, report_fd: int) -> None:
        self._report_fd = report_fd
        self._due = 0.0

    def __call__(self) -> None:
        """Something went on."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + BEAT_S
            _tell(self._report_fd, BEAT)


async def _report(backend: Backend, beat: Beat, report_fd: int) -> None:
    """Beat as long as the event loop turns, and let scrapes see what was timed.

    A thread that hangs cannot be ended, its process can be replaced.
    """
    while backend.recommender.stuck_threads < backend.settings.isolation.stuck_threads:
        beat()
        backend.meter.flush()
        await asyncio.sleep(BEAT_S)
    log.error("%d threads hang in components: this worker asks for a successor", backend.recommender.stuck_threads)
    while True:
        _tell(report_fd, RENEW)
        await asyncio.sleep(BEAT_S)


def _tell(report_fd: int, line: str) -> None:
    with suppress(BlockingIOError, BrokenPipeError):  # the supervisor stands still, or is gone
        os.write(report_fd, f"{line}\n".encode())


def main() -> int:
    """Serve until told to stop; the exit code."""
    # Ctrl-C and a hang-up reach the whole group; the supervisor passes on in order what they mean.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as unbuffered:  # what follows stays in the pipe
        config = WorkerConfig.from_line(unbuffered.readline())
    os.set_blocking(config.report_fd, False)
    settings = Settings.model_validate(config.settings)
    logs.configure(settings.serve.log_format)
    try:
        uvloop.run(_serve(settings, config))
    except FirstlightError as error:
        log.error("%s", error)
        _tell(config.report_fd, f"{ERROR}{error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The server the demo talks to: ``firstlight serve`` as a process of its own, gone when the block ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firstlight.errors import UnavailableError

HOST = "127.0.0.1"
START_S = 60.0
STOP_S = 30.0


@contextmanager
def running_server(home: Path) -> Iterator[str]:
    """The address of a server for ``home`` that answers; stopped however the block ends, Ctrl-C included.

    Raises:
        UnavailableError: it did not start; names its log.
    """
    log = home / "logs" / "demo-server.log"
    command = [sys.executable, "-m", "firstlight.cli", "serve", "--home", str(home), "--host", HOST, "--port", "0"]
    with log.open("wb") as output:
        # A session of its own: Ctrl-C reaches the demo alone, which then stops the server in order.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ
            | {
                "FIRSTLIGHT_SERVE__DRAIN_DELAY_S": "0",  # nobody else calls it
                "FIRSTLIGHT_SERVE__LOG_FORMAT": "text",  # what it announces is looked for below
            },
        )
    try:
        yield _address(process, log)
    finally:
        _stop(process)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """What the server announces once it answers."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        stopped = process.poll() is not None
        text = log.read_text(encoding="utf-8", errors="replace")
        announced = re.search(r"^Serving on (\S+)\n", text, flags=re.MULTILINE)
        if announced:
            return announced[1]
        if stopped:
            last = (text.strip().splitlines() or ["no output"])[-1]
            raise UnavailableError(f"the server stopped with code {process.returncode}: {last} (log: {log})")
        time.sleep(0.05)
    raise UnavailableError(f"the server did not answer within {START_S:g} s (log: {log})")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server; a second Ctrl-C meanwhile must not leave it behind."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    finally:
        signal.signal(signal.SIGINT, before)

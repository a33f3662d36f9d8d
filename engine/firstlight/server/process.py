"""One worker process as its supervisor sees it: started, heard, told to end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from firstlight.server import scraping
from firstlight.server.handshake import ERROR, READY, RENEW, Drain, WorkerConfig

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""How many threads numpy and faiss compute with, by default one for each core: in every worker, which then fight."""


class WorkerProcess:
    """``ready`` once it serves; ``failure``: why it cannot; ``wants_successor``: it asks to be replaced.

    ``silent_s``: seconds since its last report, of those in which its supervisor ran.
    """

    def __init__(self, settings: dict[str, Any], address: str, own_address: str) -> None:
        self.ready = False
        self.failure = ""
        self.wants_successor = False
        self.silent_s = 0.0
        self._started_at = time.monotonic()
        self._heard = b""
        self._reports, write_fd = os.pipe()
        os.set_blocking(self._reports, False)
        command = [sys.executable, "-m", "firstlight.server.worker"]
        threads = dict.fromkeys(THREADS, str(settings["serve"]["threads"]))
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, bufsize=0, pass_fds=[write_fd], env={**os.environ, **threads}
        )
        os.close(write_fd)
        # This pipe stays open: its end tells the worker that the supervisor is gone.
        self._tell(WorkerConfig(settings, address, own_address, write_fd).to_line())

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    @property
    def lived_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started_at

    def hear(self, elapsed_s: float) -> None:
        """Read what it reported in the last ``elapsed_s`` seconds."""
        self.silent_s += elapsed_s
        ended = self.code is not None  # asked first: what it reported before its end is in the pipe
        with suppress(BlockingIOError):
            while data := os.read(self._reports, 4096):
                self._heard += data
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            self._note(line.decode())
        if ended and not self.ready:
            self.failure = self.failure or "a worker died while it started"

    def drain(self, how: Drain) -> None:
        """Tell it to end in order; one that does not serve yet ends at once."""
        if not self.ready:
            self._process.terminate()
        self._tell(f"{how}\n".encode())

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; whether it came."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        return self.code is not None

    def close(self) -> None:
        """It has ended: close its pipes, and let the metrics know."""
        scraping.forget(self.pid)
        if self._process.stdin is not None:
            self._process.stdin.close()
        os.close(self._reports)

    def _note(self, line: str) -> None:
        self.silent_s = 0.0
        self.ready = self.ready or line == READY
        self.wants_successor = self.wants_successor or line == RENEW
        if line.startswith(ERROR):
            self.failure = line.removeprefix(ERROR)

    def _tell(self, line: bytes) -> None:
        assert self._process.stdin is not None  # by stdin=PIPE
        with suppress(BrokenPipeError):  # it has ended
            self._process.stdin.write(line)

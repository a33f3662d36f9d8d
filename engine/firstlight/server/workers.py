"""Worker processes: started, watched, restarted with growing pauses, stopped."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import time

from firstlight.server.handshake import ERROR, READY, WorkerConfig
from firstlight.settings import Settings

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
HEALTHY_S = 30.0
"""A worker that lived this long starts anew without a pause."""

log = logging.getLogger(__name__)


class Worker:
    """The place of one worker, whichever process fills it. ``ready`` while that serves; ``failure``: why not."""

    def __init__(self, settings: Settings, address: str) -> None:
        self.ready = False
        self.failure = ""
        self._settings = settings.model_dump(mode="json")
        self._address = address
        self._process: subprocess.Popen[bytes] | None = None
        self._told_fd: int | None = None
        self._pause_s = 0.0
        self._start_at = 0.0

    def watch(self) -> None:
        """Start a process where there is none, not sooner than the pause allows, and note what became of it."""
        if self._process is None:
            if time.monotonic() >= self._start_at:
                self._start()
            return
        self._hear()
        if self._process.poll() is not None:
            self._hear()
            self._bury(self._process)

    def stop(self, signal_number: int) -> None:
        """Send a signal to the process, if there is one."""
        if self._process is not None:
            self._process.send_signal(signal_number)

    def wait(self, timeout_s: float) -> None:
        """Wait for the end of the process; kill it where it takes longer."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            log.error("worker %d did not end within %.0f s and is killed", self._process.pid, timeout_s)
            self._process.kill()
            self._process.wait()
        self._clear(self._process)

    def _start(self) -> None:
        self._told_fd, write_fd = os.pipe()
        command = [sys.executable, "-m", "firstlight.server.worker"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[write_fd])
        os.close(write_fd)
        # This pipe stays open: its end tells the worker that the supervisor is gone.
        assert process.stdin is not None  # by stdin=PIPE
        process.stdin.write(WorkerConfig(self._settings, self._address, write_fd).to_line())
        process.stdin.flush()
        self._process, self._start_at = process, time.monotonic()

    def _hear(self) -> None:
        """Read what the worker reports, once; a pipe that ends without a report is a worker that died."""
        if self._told_fd is None or not select.select([self._told_fd], [], [], 0)[0]:
            return
        text = os.read(self._told_fd, 4096).decode()
        self.ready = text == READY
        self.failure = "" if self.ready else text.removeprefix(ERROR) or "a worker died while it started"
        os.close(self._told_fd)
        self._told_fd = None

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        lived_s = time.monotonic() - self._start_at
        self._pause_s = 0.0 if lived_s > HEALTHY_S else min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, self._pause_s * 2))
        self._start_at = time.monotonic() + self._pause_s
        log.error(
            "worker %d ended with code %d; another one starts in %.1f s", process.pid, process.returncode, self._pause_s
        )
        self._clear(process)

    def _clear(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            process.stdin.close()
        if self._told_fd is not None:
            os.close(self._told_fd)
            self._told_fd = None
        self.ready = False
        self._process = None

"""A process beside the workers that verifies and rehearses bundles: ``python -m firstlight.server.helper``.

Its standard input is an :class:`Order` in JSON; it writes a :class:`Verdict` to its standard output. Imports nothing
that verifying alone does not need.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from firstlight import errors, logs
from firstlight.bundle import is_checked, verify_once
from firstlight.errors import CorruptBundleError, FirstlightError, PluginError, PreconditionError, Reason
from firstlight.settings import Settings

NICENESS = 5
"""Answers go first, but where they take every core an activation must not wait for ever."""
TIMEOUT_S = 600.0

_ERRORS = (CorruptBundleError, PluginError, PreconditionError)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be checked; ``settings`` as JSON; ``cores``: where the helper may run, those of the supervisor."""

    settings: dict[str, Any]
    path: str
    rehearsed: bool
    cores: list[int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``error``: the class of the error that keeps the bundle from answering, empty where nothing does."""

    error: str = ""
    message: str = ""
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, error: FirstlightError) -> Verdict:
        """That ``error`` says."""
        return cls(type(error).__name__, str(error), error.reason, error.metadata)

    def tell(self) -> None:
        """Raise what was found."""
        if self.error:
            raise getattr(errors, self.error)(self.message, reason=Reason(self.reason), metadata=self.metadata)


class BundleHelper:
    """A :class:`firstlight.pipeline.checking.Check` in another process, one at a time on this machine for a bundle."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.model_dump(mode="json")
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = threading.Event()

    def __call__(self, path: Path, *, rehearsed: bool) -> None:
        """Nothing to do where any worker had it checked since its files were written."""
        if is_checked(path, rehearsed=rehearsed):
            return
        with _alone(path):
            if not is_checked(path, rehearsed=rehearsed):
                self._run(Order(self._settings, str(path), rehearsed, _cores())).tell()

    def stop(self) -> None:
        """End what runs; its caller is told that it was not checked."""
        self._stopped.set()
        for process in tuple(self._running):
            process.kill()

    def _run(self, order: Order) -> Verdict:
        command = [sys.executable, "-m", "firstlight.server.helper"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            self._running.add(process)
            try:
                if self._stopped.is_set():
                    process.kill()
                told, _ = process.communicate(json.dumps(asdict(order)), TIMEOUT_S)
            finally:
                process.kill()
                self._running.discard(process)
        if process.returncode != 0:
            raise FirstlightError(f"the process that checks bundles ended with code {process.returncode}")
        return Verdict(**json.loads(told))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait while another process of this machine has the bundle checked."""
    try:
        folder = os.open(path, os.O_RDONLY)
    except OSError:  # there is none: who checks it says so
        yield
        return
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _cores() -> list[int]:
    """A worker may be bound to a core of its own: the helper must not share it, and has those of its supervisor."""
    return sorted(os.sched_getaffinity(os.getppid()))


def _check(order: Order) -> Verdict:
    settings, path = Settings.model_validate(order.settings), Path(order.path)
    logs.configure(settings.serve.log_format)
    try:
        verify_once(path)
        if order.rehearsed:
            from firstlight.pipeline.checking import CheckHere  # noqa: PLC0415  # models take long to import
            from firstlight.plugins import load_plugins  # noqa: PLC0415

            CheckHere(settings, load_plugins(settings.plugin_rules))(path, rehearsed=True)
    except _ERRORS as error:
        return Verdict.of(error)
    return Verdict()


def main() -> int:
    """Check one bundle; the exit code."""
    order = Order(**json.load(sys.stdin))
    os.sched_setaffinity(0, order.cores)
    os.nice(NICENESS)
    output, sys.stdout = sys.stdout, sys.stderr  # a plugin that prints must not garble the verdict
    print(json.dumps(asdict(_check(order))), file=output)
    return 0


if __name__ == "__main__":
    sys.exit(main())

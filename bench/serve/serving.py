"""Servers under test, each bound to one core, and what Linux says they used."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil

from firstlight.v1.recommendation_service_pb2 import RecommendRequest, RecommendResponse
from firstlight.v1.recommendation_service_pb2_grpc import RecommendationServiceStub

HERE = Path(__file__).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
SERVER_CORE, LOAD_CORE = 0, 1
WARMING = 1_100
"""Calls before anything is measured: more than a component needs to be trusted."""


@dataclass(frozen=True)
class Memory:
    """MiB of all workers: PSS shares out what several processes map, private is what they wrote themselves.

    Pages of a file count fully in the PSS of the one process that maps it, and are no private memory.
    """

    pss: float
    private: float


@dataclass(frozen=True)
class Server:
    """``started``: by ``time.monotonic``, when its process began."""

    address: str
    process: psutil.Process
    started: float

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes that answer: those it started, else itself."""
        return self.process.children(recursive=True) or [self.process]

    def cpu_s(self) -> float:
        """Processor time of all its processes up to now."""
        times = [one.cpu_times() for one in (self.process, *self.process.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    def memory(self) -> Memory:
        """Of its workers, now."""
        texts = [Path(f"/proc/{worker.pid}/smaps_rollup").read_text("ascii") for worker in self.workers]
        pss, private = (
            sum(int(line.split()[1]) for text in texts for line in text.splitlines() if line.startswith(f"{name}:"))
            for name in ("Pss", "Private_Dirty")
        )
        return Memory(pss / 1024, private / 1024)

    def answer(self, request: RecommendRequest, *, timeout_s: float = 600) -> RecommendResponse:
        """Of one call; waits for the server to load what it needs."""
        with grpc.insecure_channel(self.address) as channel:
            return RecommendationServiceStub(channel).Recommend(request, timeout=timeout_s, wait_for_ready=True)

    def warm(self, requests: Sequence[RecommendRequest]) -> None:
        """Ask as often as it takes until nothing is done for the first time."""
        with grpc.insecure_channel(self.address) as channel:
            stub = RecommendationServiceStub(channel)
            for n in range(max(WARMING, 3 * len(requests))):
                stub.Recommend(requests[n % len(requests)], timeout=60, wait_for_ready=True)


@contextmanager
def serving(home: Path, *, workers: int = 1) -> Iterator[Server]:
    """``firstlight serve`` of ``home``, with its metrics."""
    command = [sys.executable, "-m", "firstlight.cli", "serve", "--home", str(home), "--port", "0"]
    with _started([*command, "--workers", str(workers)], home / "logs" / "bench.log") as server:
        yield server


@contextmanager
def echoing(answer: RecommendResponse, folder: Path) -> Iterator[Server]:
    """The echo of ``answer``."""
    file = folder / "answer.binpb"
    file.write_bytes(answer.SerializeToString())
    with _started([sys.executable, str(HERE / "echo.py"), str(file)], folder / "echo.log") as server:
        yield server


@contextmanager
def _started(command: list[str], log: Path) -> Iterator[Server]:
    started = time.monotonic()
    process = subprocess.Popen(
        ["taskset", "--cpu-list", str(SERVER_CORE), *command],
        stdout=subprocess.PIPE,
        stderr=log.open("wb"),
        text=True,
        env={**os.environ, **ONE_THREAD, "FIRSTLIGHT_SERVE__METRICS_PORT": "0"},
    )
    try:
        assert process.stdout is not None
        line = next((line for line in process.stdout if line.startswith("Serving on ")), None)
        if line is None:
            raise RuntimeError(f"{' '.join(command)} did not start: {log.read_text()}")
        yield Server(line.split()[-1], psutil.Process(process.pid), started)
    finally:
        process.terminate()
        process.wait(60)

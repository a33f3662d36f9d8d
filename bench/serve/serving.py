"""Servers under test, each bound to one core where nothing else is said, and what Linux says they used."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import grpc
import psutil
from prometheus_client.parser import text_string_to_metric_families

from firstlight.v1.recommendation_service_pb2 import RecommendRequest, RecommendResponse
from firstlight.v1.recommendation_service_pb2_grpc import RecommendationServiceStub

HERE = Path(__file__).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
SERVER_CORE, LOAD_CORE, ALL_CORES = "0", "1", f"0-{(os.cpu_count() or 1) - 1}"
OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]
"""A channel's options: no connection shared with other channels, so that the kernel may deal it to another worker."""
CONNECTIONS = 16
"""Which of two workers takes one is chance: one of 30,000 times all of these meet the same one."""
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
    """``started``: by ``time.monotonic``, when its process began.

    ``own_addresses``: of its workers, where each has a port of its own; ``others``: processes beside ``process``.
    """

    address: str
    process: psutil.Process
    started: float
    own_addresses: tuple[str, ...] = ()
    others: tuple[psutil.Process, ...] = ()

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes that answer: those it started, else itself."""
        return self.process.children(recursive=True) or [self.process]

    def cpu_s(self) -> float:
        """Processor time of all its processes up to now."""
        every = (self.process, *self.others, *self.process.children(recursive=True))
        times = [one.cpu_times() for one in every]
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
        """Ask every worker as often as it takes until nothing is done for the first time."""
        with ExitStack() as stack:
            channels = [grpc.insecure_channel(self.address, OWN_CONNECTION) for _ in range(CONNECTIONS)]
            stubs = [RecommendationServiceStub(stack.enter_context(channel)) for channel in channels]
            for n in range(max(WARMING, 3 * len(requests)) * len(self.workers)):
                stubs[n % CONNECTIONS].Recommend(requests[n % len(requests)], timeout=60, wait_for_ready=True)

    def metric(self, name: str) -> float:
        """The sum of a metric's samples called ``name``; 0 without any."""
        (port,) = {each.laddr.port for each in self.process.net_connections("tcp") if each.status == "LISTEN"}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            text = answer.read().decode()
        families = text_string_to_metric_families(text)
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)


@contextmanager
def serving(home: Path, *, workers: int = 1, worker_ports: bool = False, cores: str = SERVER_CORE) -> Iterator[Server]:
    """``firstlight serve`` of ``home``, with its metrics."""
    command = [sys.executable, "-m", "firstlight.cli", "serve", "--home", str(home), "--port", "0"]
    command += ["--workers", str(workers), *(["--worker-ports"] if worker_ports else [])]
    with _started(command, home / "logs" / f"bench-{workers}.log", cores, lines=1 + worker_ports) as server:
        yield server


@contextmanager
def echoing(
    answer: RecommendResponse, folder: Path, *, processes: int = 1, cores: str = SERVER_CORE
) -> Iterator[Server]:
    """The echo of ``answer``, by processes that share a port."""
    file = folder / "answer.binpb"
    file.write_bytes(answer.SerializeToString())
    command, port = [sys.executable, str(HERE / "echo.py"), str(file)], "0"
    with ExitStack() as stack:
        every: list[Server] = []
        for n in range(processes):
            log = folder / f"echo-{processes}-{n}.log"
            every.append(stack.enter_context(_started([*command, port], log, cores)))
            port = every[0].address.rpartition(":")[2]
        yield replace(every[0], others=tuple(one.process for one in every[1:]))


@contextmanager
def _started(command: list[str], log: Path, cores: str, *, lines: int = 1) -> Iterator[Server]:
    """A process that prints its addresses, in as many lines."""
    started = time.monotonic()
    log.parent.mkdir(exist_ok=True)
    process = subprocess.Popen(
        ["taskset", "--cpu-list", cores, *command],
        stdout=subprocess.PIPE,
        stderr=log.open("wb"),
        text=True,
        env={**os.environ, **ONE_THREAD, "FIRSTLIGHT_SERVE__METRICS_PORT": "0"},
    )
    try:
        assert process.stdout is not None
        told = (line.split()[2:] for line in process.stdout if line.startswith(("Serving on ", "Workers on ")))
        said = list(islice(told, lines))
        if len(said) < lines:
            raise RuntimeError(f"{' '.join(command)} did not start: {log.read_text()}")
        (address,), *own = said
        yield Server(address, psutil.Process(process.pid), started, tuple(chain.from_iterable(own)))
    finally:
        process.terminate()
        process.wait(60)

"""Generators on a core of their own: h2load for what a server can do at most, ours for what callers see."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asking import Asked
from serving import ALL_CORES, LOAD_CORE, Server

METHOD = "firstlight.v1.RecommendationService/Recommend"
_DONE = re.compile(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded")
_SECONDS = re.compile(r"finished in ([\d.]+)(us|ms|s)")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Callers:
    """``streams``: calls in flight on each of ``connections``, in closed loops; ``cores``: of the generator."""

    connections: int
    streams: int
    cores: str = LOAD_CORE


FEW, MANY = Callers(4, 8), Callers(32, 1, ALL_CORES)


@dataclass(frozen=True)
class Closed:
    """``cpu_ms``: of the server, a request."""

    per_second: float
    cpu_ms: float


def h2load(server: Server, asked: Asked, seconds: int) -> Closed:
    """Closed loop over 4 connections with 8 streams each, the one recorded body over and over.

    h2load knows nothing of grpc-status: whether the answers are answers is for :func:`ours` to tell.

    Raises:
        RuntimeError: a request failed.
    """
    shape = ["-c", str(FEW.connections), "-m", str(FEW.streams), "-t", "1", "-D", str(seconds), "-d", str(asked.one)]
    headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    before = server.cpu_s()
    text = _run(LOAD_CORE, ["h2load", *shape, *headers, f"http://{server.address}/{METHOD}"], seconds)
    used = server.cpu_s() - before
    done, took = _DONE.search(text), _SECONDS.search(text)
    if not done or not took or done[1] != done[2] or not int(done[1]):
        raise RuntimeError(f"h2load: {text}")
    count = int(done[1])
    return Closed(count / (float(took[1]) * _UNITS[took[2]]), 1000 * used / count)


def ours(
    binary: Path, server: Server, asked: Asked, seconds: float, *options: str, callers: Callers = FEW
) -> dict[str, Any]:
    """What the generator in ``load/`` tells of ``seconds`` with ``options``, all requests in turn.

    Raises:
        RuntimeError: a call failed.
    """
    return answered(told(binary, server, asked, seconds, *options, callers=callers))


def told(
    binary: Path, server: Server, asked: Asked, seconds: float, *options: str, callers: Callers = FEW
) -> dict[str, Any]:
    """As :func:`ours`, whatever came of the calls."""
    flags = ["-server", server.address, "-requests", str(asked.many), "-seconds", str(seconds)]
    flags += ["-connections", str(callers.connections), "-streams", str(callers.streams)]
    found: dict[str, Any] = json.loads(_run(callers.cores, [str(binary), *flags, *options], seconds))
    return found


def closed(binary: Path, server: Server, asked: Asked, seconds: float, callers: Callers = FEW) -> dict[str, Any]:
    """A closed loop, by default with as many calls in flight as :func:`h2load` has."""
    return ours(binary, server, asked, seconds, "-mode", "closed", callers=callers)


def open_loop(
    binary: Path,
    server: Server,
    asked: Asked,
    seconds: float,
    rate: float,
    *options: str,
    seed: int = 0,
    callers: Callers = FEW,
) -> dict[str, Any]:
    """Calls at random times, ``rate`` of them a second, whatever came of them."""
    shape = ("-mode", "open", "-rate", str(rate), "-seed", str(seed))
    return told(binary, server, asked, seconds, *shape, *options, callers=callers)


def answered(found: dict[str, Any]) -> dict[str, Any]:
    """``found``, what a generator told.

    Raises:
        RuntimeError: a call failed.
    """
    if set(found["counts"]) != {"OK"}:
        raise RuntimeError(f"calls failed: {found['counts']}")
    return found


def build(folder: Path) -> Path:
    """The generator, compiled from ``load/``."""
    binary = folder.absolute() / "load"
    command = ["go", "build", "-buildvcs=false", "-o", str(binary), "."]
    subprocess.run(command, check=True, cwd=Path(__file__).with_name("load"), env={**os.environ, "GOWORK": "off"})
    return binary


def missing() -> list[str]:
    """Programs that are needed and not installed."""
    return [name for name in ("go", "h2load", "taskset") if shutil.which(name) is None]


def _run(cores: str, command: list[str], seconds: float) -> str:
    command = ["taskset", "--cpu-list", cores, *command]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout

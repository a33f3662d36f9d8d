"""Every client beside its own bare stub: ``make bench-clients``.

One server with one worker; in each round, each language calls ``Recommend`` in a closed loop with 16 calls in flight:
through its client, twice through the generated stub on a plain channel, and through its client again, so that what else
the machine does falls on both. A figure is the median over rounds, the ratio that of the rounds' own ratios, with its
quartiles. The processor time of the calling process tells what a client costs also where the server is the bottleneck.
Writes RESULTS.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "conformance"))

from home import make_home, serving  # noqa: E402
from run import LANGUAGES, builds  # noqa: E402

from firstlight.v1.recommendation_pb2 import Query  # noqa: E402
from firstlight.v1.recommendation_service_pb2 import RecommendRequest  # noqa: E402

IN_FLIGHT = 16
MODES = ("client", "bare")
ROUND = ("client", "bare", "bare", "client")
REQUEST = RecommendRequest(query=Query(user_id="user-3", limit=10))
WORST_RATIO = 0.95
COLUMNS = (
    "language",
    "client calls/s",
    "bare calls/s",
    "client / bare",
    "quartiles",
    "client p99 ms",
    "bare p99 ms",
    "client CPU ms/call",
    "bare CPU ms/call",
)


def once(command: list[str], server: str, mode: str, seconds: float, request: Path) -> dict[str, Any]:
    """The figures of one run."""
    arguments = ["bench", "--server", server, "--seconds", str(seconds), "--in-flight", str(IN_FLIGHT)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*command, *arguments, "--mode", mode, "--request", str(request)],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command[-1]} failed: {done.stderr[-1000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    if figures["errors"]:
        raise RuntimeError(f"{command[-1]}: {figures['errors']} calls failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures["cpu_s"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return figures


def row(language: str, rounds: list[dict[str, list[dict[str, Any]]]]) -> tuple[str, ...]:
    """One line of the table."""

    def figures(mode: str, figure: Callable[[list[dict[str, Any]]], float]) -> list[float]:
        return [figure(each[mode]) for each in rounds]

    def rate(runs: list[dict[str, Any]]) -> float:
        return float(sum(run["calls"] for run in runs) / sum(run["seconds"] for run in runs))

    def tail(runs: list[dict[str, Any]]) -> float:
        return max(run["p99_ms"] for run in runs)

    def cpu_ms(runs: list[dict[str, Any]]) -> float:
        return float(1000 * sum(run["cpu_s"] for run in runs) / sum(run["calls"] for run in runs))

    ratios = [one / other for one, other in zip(figures("client", rate), figures("bare", rate), strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return (
        language,
        *(f"{statistics.median(figures(mode, rate)):,.0f}" for mode in MODES),
        f"{middle:.3f}",
        f"{low:.2f} to {high:.2f}",
        *(f"{statistics.median(figures(mode, tail)):.1f}" for mode in MODES),
        *(f"{statistics.median(figures(mode, cpu_ms)):.2f}" for mode in MODES),
    )


RESULTS = """\
# Clients beside their bare stubs

`make bench-clients`, {day}: unary `Recommend` (10 items for a known user of a tiny catalogue),
{in_flight} in flight over one connection. One server with one worker on the same machine, which has
{cores} cores ({machine}). Medians of {rounds} rounds of {seconds:g} s. A ratio below 1 is what the
client costs; the aim is {aim} or more. The processor time is that of the whole calling process, its
start included. Wide quartiles mean that the machine did other work meanwhile.

{table}
"""


def results(rows: list[tuple[str, ...]], given: argparse.Namespace) -> str:
    """RESULTS.md."""
    lines = (COLUMNS, ("---", *["---:"] * (len(COLUMNS) - 1)), *rows)
    return RESULTS.format(
        day=f"{datetime.now(UTC):%Y-%m-%d}",
        in_flight=IN_FLIGHT,
        cores=os.cpu_count(),
        machine=f"{platform.system()}, {platform.machine()}",
        rounds=given.rounds,
        seconds=given.seconds,
        aim=WORST_RATIO,
        table="\n".join(f"| {' | '.join(line)} |" for line in lines),
    )


def main() -> int:
    """Measure, print, write; the exit code is 1 where even the upper quartile of a client's ratios misses the aim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--languages", help="with commas between; default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    given = parser.parse_args()
    chosen = given.languages.split(",") if given.languages else [language.name for language in LANGUAGES]
    languages = [language for language in LANGUAGES if language.name in chosen]
    commands = builds(languages)
    broken = {folder: why for folder, why in commands.items() if isinstance(why, str)}
    for folder, why in broken.items():
        print(f"clients/{folder}: left out: {why}", file=sys.stderr)
    runs: dict[str, list[dict[str, list[dict[str, Any]]]]] = {
        each.name: [] for each in languages if each.folder not in broken
    }
    with tempfile.TemporaryDirectory(prefix="bench-clients-") as name:
        request = Path(name, "request.binpb")
        request.write_bytes(REQUEST.SerializeToString())
        make_home(Path(name, "home"))
        with serving(Path(name, "home"), workers=1) as server:
            for number in range(given.rounds):
                for language in languages:
                    if language.folder in broken:
                        continue
                    command = [*commands[language.folder], *language.options]
                    runs[language.name].append({mode: [] for mode in MODES})
                    for mode in ROUND:
                        runs[language.name][-1][mode].append(once(command, server, mode, given.seconds, request))
                    print(f"round {number + 1}: {language.name}", file=sys.stderr, flush=True)
    rows = [row(name, measured) for name, measured in runs.items()]
    table = Table(*COLUMNS, title="Clients beside their bare stubs")
    for line in rows:
        table.add_row(*line)
    Console(width=None if sys.stdout.isatty() else 130).print(table)
    if not given.languages:
        (HERE / "RESULTS.md").write_text(results(rows, given), "utf-8")
    return 1 if broken or any(float(line[4].split()[-1]) < WORST_RATIO for line in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

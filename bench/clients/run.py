"""Every client beside its own bare stub: ``make bench-clients``.

One server with one worker. Each language's runner is one process with two open connections, that of its client and that
of the generated stub on a plain channel, and calls ``Recommend`` in a closed loop with 16 calls in flight: in short
slices, client and stub by turns, now the one first and now the other. Two slices that follow each other meet the same
machine, so their ratio is free of what else the machine does; the figure is the median of many such ratios, with the
interval that holds the true median 95 times of 100 whatever the ratios' distribution. The processor time of the calling
process tells what a client costs also where the server is the bottleneck. Writes RESULTS.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
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
WARM_UP_S = 3.0
"""For each mode of each runner: less would measure the compiler of the JVM."""
REQUEST = RecommendRequest(query=Query(user_id="user-3", limit=10))
WORST_RATIO = 0.95
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
COLUMNS = (
    "language",
    "client calls/s",
    "bare calls/s",
    "client / bare",
    "95 % interval",
    "client p99 ms",
    "bare p99 ms",
    "client CPU ms/call",
    "bare CPU ms/call",
    f"{WORST_RATIO} or more",
)


@dataclass
class Runner:
    """A runner that waits for orders, and what its slices of each mode, in order, came to."""

    process: subprocess.Popen[str]
    rates: dict[str, list[float]] = field(default_factory=lambda: {mode: [] for mode in MODES})
    latencies_ms: dict[str, list[float]] = field(default_factory=lambda: {mode: [] for mode in MODES})
    cpu_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(MODES, 0.0))

    def order(self, mode: str, seconds: float) -> dict[str, Any]:
        """One slice."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{mode} {seconds:g}\n")
        self.process.stdin.flush()
        told: dict[str, Any] = json.loads(self.process.stdout.readline() or '{"errors": "its"}')
        if told["errors"]:
            raise RuntimeError(f"{self.process.args}: {told['errors']} calls failed")
        return told

    def pair(self, order: Sequence[str], seconds: float) -> None:
        """A slice of each mode."""
        for mode in order:
            before = self._cpu_s()
            told = self.order(mode, seconds)
            self.cpu_s[mode] += self._cpu_s() - before
            self.latencies_ms[mode] += told["latencies_ms"]
            self.rates[mode].append(len(told["latencies_ms"]) / told["seconds"])

    def _cpu_s(self) -> float:
        """Processor time of the runner up to now, from Linux's own account."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND

    def row(self, language: str) -> tuple[str, ...]:
        """One line of the table."""
        ratios = [one / other for one, other in zip(self.rates["client"], self.rates["bare"], strict=True)]
        low, high = interval_of_median(ratios)
        return (
            language,
            *(f"{statistics.median(self.rates[mode]):,.0f}" for mode in MODES),
            f"{statistics.median(ratios):.3f}",
            f"{low:.3f} to {high:.3f}",
            *(f"{percentile(self.latencies_ms[mode], 0.99):.1f}" for mode in MODES),
            *(f"{1000 * self.cpu_s[mode] / len(self.latencies_ms[mode]):.2f}" for mode in MODES),
            "yes" if low >= WORST_RATIO else "no" if high < WORST_RATIO else "open",
        )


def interval_of_median(values: Sequence[float]) -> tuple[float, float]:
    """The order statistics that hold the median with 95 % confidence (sign test); all of them where there are few."""
    ordered, count = sorted(values), len(values)
    outside, rank = 0.0, 0
    while rank < count // 2 and outside + (chance := math.comb(count, rank) / 2**count) <= 0.025:
        outside, rank = outside + chance, rank + 1
    return ordered[max(0, rank - 1)], ordered[count - max(1, rank)]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share of ``values`` does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@contextmanager
def started(command: list[str], server: str, request: Path) -> Iterator[Runner]:
    """A runner, warm."""
    arguments = ["bench", "--server", server, "--in-flight", str(IN_FLIGHT), "--request", str(request)]
    with subprocess.Popen([*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            runner = Runner(process)
            for mode in MODES:
                runner.order(mode, WARM_UP_S)
            yield runner
        finally:
            process.terminate()


RESULTS = """\
# Clients beside their bare stubs

`make bench-clients`, {day}: unary `Recommend` (10 items for a known user of a tiny catalogue),
{in_flight} in flight over one connection. One server with one worker on the same machine, which has
{cores} cores ({machine}). {rounds} pairs of slices of {seconds:g} s, client and stub by turns; the ratio is the
median of the pairs' ratios of calls per second. A ratio below 1 is what the client costs; the aim is
{aim} or more: "yes" where the whole interval is, "no" where none of it is, "open" where these pairs cannot
tell. The 99th percentile is that of all calls, the processor time that of the whole calling process.

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
    """Measure, print, write; the exit code is 1 where a client cannot run or certainly misses the aim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--languages", help="with commas between; default: all")
    parser.add_argument("--rounds", type=int, default=60, help="pairs of slices for each language")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a slice")
    given = parser.parse_args()
    chosen = given.languages.split(",") if given.languages else [language.name for language in LANGUAGES]
    languages = [language for language in LANGUAGES if language.name in chosen]
    os.environ["RUST_PROFILE"] = "release"
    commands = builds(languages)
    broken = {folder: why for folder, why in commands.items() if isinstance(why, str)}
    for folder, why in broken.items():
        print(f"clients/{folder}: left out: {why}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="bench-clients-") as name, ExitStack() as stack:
        request = Path(name, "request.binpb")
        request.write_bytes(REQUEST.SerializeToString())
        make_home(Path(name, "home"))
        server = stack.enter_context(serving(Path(name, "home"), workers=1))
        runners = {
            language.name: stack.enter_context(
                started([*commands[language.folder], *language.options], server, request)
            )
            for language in languages
            if language.folder not in broken
        }
        for number in range(given.rounds):
            for runner in runners.values():
                runner.pair(MODES if number % 2 == 0 else MODES[::-1], given.seconds)
            print(f"round {number + 1} of {given.rounds}", file=sys.stderr, flush=True)
        rows = [runner.row(language) for language, runner in runners.items()]
    table = Table(*COLUMNS, title="Clients beside their bare stubs")
    for line in rows:
        table.add_row(*line)
    Console(width=None if sys.stdout.isatty() else 150).print(table)
    if not given.languages:
        (HERE / "RESULTS.md").write_text(results(rows, given), "utf-8")
    return 1 if broken or any(line[-1] == "no" for line in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

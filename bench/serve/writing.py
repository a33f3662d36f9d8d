"""The tables: printed by Rich, and written as RESULTS.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import rich.table
from goals import Goal, goals
from measuring import Measured
from rich.console import Console

INTRODUCTION = (
    "`make bench-serve`: one worker bound to one core, the generator to another, beside an [echo](echo.py) on the "
    "worker's core: a bare grpc.aio server on uvloop that reads the request and builds the same 20-item answer anew. "
    "Figures are ratios of one run, since machines differ and others may be at work on them; every figure is the "
    "median of several rounds in which server and echo take turns. Nothing is stripped: default plugins, isolation, "
    "metrics and reasons are on. Closed loops are h2load's (4 connections with 8 streams) with one recorded request, "
    "and checked by our generator, which asks for many users; latencies are our generator's, from the intended start. "
    "The catalogues are MovieLens 100K as `firstlight train` leaves it, and larger ones resampled from its bundle "
    "([how](resampling.py))."
)
WORDS = {True: "reached", False: "**falls short**", None: ""}


@dataclass(frozen=True)
class Table:
    """Rows of text under ``head``; the first column holds names."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """With its title as a heading."""
        lines = [self.head, ("---", *["---:"] * (len(self.head) - 1)), *self.rows]
        return f"## {self.title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def show(self, console: Console) -> None:
        """Print it."""
        table = rich.table.Table(title=self.title)
        for n, name in enumerate(self.head):
            table.add_column(name, justify="right" if n else "left")
        for row in self.rows:
            table.add_row(*(cell.replace("**", "").replace("`", "") for cell in row))
        console.print(table)


def tables(
    measured: Mapping[int, Measured], start_s: float | None, stages: Mapping[str, Mapping[str, float]]
) -> list[Table]:
    """Figures to reach, loads, latencies, memory, µs per stage."""
    return [
        Table("Figures to reach", ["", "figure", "measured", ""], [_goal(one) for one in goals(measured, start_s)]),
        Table(
            "Closed loop",
            ["", "items", "route", "calls/s", "echo calls/s", "ratio", "CPU ms", "echo CPU ms", "checked calls/s"],
            list(_loads(measured.values())),
        ),
        Table(
            "Open loop at half of its own capacity, ms",
            ["", "items", "route", "calls/s", "p50", "p95", "p99", "echo p50", "echo p95", "echo p99"],
            list(_latencies(measured.values())),
        ),
        Table(
            "Memory of one worker, MiB; private: what it wrote itself, files it maps alone are in its PSS",
            ["items", "PSS", "private"],
            [(f"{one.items:,}", f"{one.memory.pss:,.0f}", f"{one.memory.private:,.0f}") for one in measured.values()],
        ),
        *(_stages(title, found) for title, found in stages.items()),
    ]


def write(path: Path, made: Sequence[Table], notes: str) -> None:
    """RESULTS.md; ``notes`` are kept by hand."""
    machine = f"{_cpu()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    parts = ["# Serving", INTRODUCTION, f"Machine: {machine}.", *(one.markdown() for one in made), notes.strip()]
    path.write_text("\n\n".join(part for part in parts if part) + "\n", "utf-8")


def _cpu() -> str:
    """What Linux calls the processor."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _goal(one: Goal) -> tuple[str, ...]:
    return one.name, one.goal, one.reached, WORDS[one.done]


def _loads(measured: Iterable[Measured]) -> Iterable[tuple[str, ...]]:
    for one in measured:
        for (who, route), load in one.loads.items():
            rates = (f"{load.per_second:,.0f}", f"{load.echo_per_second:,.0f}", f"{load.ratio:.3f}")
            used = (f"{load.cpu_ms:.2f}", f"{load.echo_cpu_ms:.2f}")
            yield who, f"{one.items:,}", route, *rates, *used, f"{load.checked:,.0f}"


def _latencies(measured: Iterable[Measured]) -> Iterable[tuple[str, ...]]:
    for one in measured:
        for (who, route), found in one.latencies.items():
            times = (f"{value:.1f}" for value in (*found.server, *found.echo))
            yield who, f"{one.items:,}", route, f"{found.rate:,.0f}", *times


def _stages(title: str, found: Mapping[str, float]) -> Table:
    rows = [(stage, f"{us:,.0f}") for stage, us in sorted(found.items(), key=lambda one: -one[1])]
    return Table(title, ["stage", "µs"], [*rows, ("sum", f"{sum(found.values()):,.0f}")])

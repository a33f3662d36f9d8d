"""RESULTS.md: the figures to reach of all parts, then the tables of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from goals import Goal
from parts import Found, Part
from table import Table

INTRODUCTION = (
    "`make bench-serve`: one worker bound to one core, the generator to another, beside an [echo](echo.py) on the "
    "worker's core: a bare grpc.aio server on uvloop that reads the request and builds the same 20-item answer anew. "
    "Figures are ratios of one run, since machines differ and others may be at work on them; every figure is the "
    "median of several rounds in which server and echo take turns. Nothing is stripped: default plugins, isolation, "
    "metrics and reasons are on. Closed loops are h2load's (4 connections with 8 streams) with one recorded request, "
    "and checked by our generator, which asks for many users; latencies are our generator's, from the intended start. "
    "The catalogues are MovieLens 100K as `firstlight train` leaves it, and larger ones resampled from its bundle "
    "([how](resampling.py)). Servers with two workers, and those that are written to, have all cores, and so "
    "have their callers."
)
NOTES = "## What was tried"
WORDS = {True: "reached", False: "**falls short**", None: ""}


def figures(parts: Mapping[str, Part], found: Mapping[str, Found]) -> Table:
    """Every figure to reach, those of parts that were not measured too."""
    goals = [goal for name, part in parts.items() for goal in (found.get(name) or part).goals]
    return Table("Figures to reach", ["", "figure", "measured", ""], [_goal(one) for one in goals])


def write(path: Path, parts: Mapping[str, Part], found: Mapping[str, Found]) -> None:
    """RESULTS.md; what it holds from :data:`NOTES` on is kept by hand and stays."""
    notes = path.read_text("utf-8").partition(NOTES)[2] if path.exists() else ""
    tables = [figures(parts, found), *(table for name in parts if name in found for table in found[name].tables)]
    every = ["# Serving", INTRODUCTION, _measured(found), *(one.markdown() for one in tables)]
    path.write_text("\n\n".join([*every, *([f"{NOTES}{notes}".strip()] if notes else [])]) + "\n", "utf-8")


def _measured(found: Mapping[str, Found]) -> str:
    """Where and when."""
    places: dict[str, list[str]] = {}
    for name, one in found.items():
        places.setdefault(f"{one.machine}, {one.when}", []).append(f"`{name}`")
    if len(places) == 1:
        return f"Machine: {next(iter(places))}."
    return "\n".join(f"- {', '.join(names)}: {place}." for place, names in places.items())


def _goal(one: Goal) -> tuple[str, ...]:
    return one.name, one.goal, one.reached, WORDS[one.done]

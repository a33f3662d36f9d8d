"""The parts of this benchmark: what each is told, what it finds, and where that is kept between runs."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from goals import Goal
from table import Table


def machine() -> str:
    """This one, in words."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def today() -> str:
    """The date, in UTC."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


@dataclass(frozen=True)
class Run:
    """How to measure. ``items``: the sizes of the catalogues; ``work``: a folder for files that may go afterwards.

    ``cache``: where homes are kept; ``generator``: our program in ``load/``; ``quick``: whether it works is enough.
    """

    items: tuple[int, ...]
    rounds: int
    seconds: int
    quick: bool
    cache: Path
    work: Path
    generator: Path

    def size(self, items: int) -> int:
        """The catalogue that a part wants, the smallest where that is enough."""
        return min(self.items) if self.quick else items


@dataclass(frozen=True)
class Found:
    """What one part measured; the others may be of another day."""

    goals: Sequence[Goal]
    tables: Sequence[Table] = ()
    when: str = field(default_factory=today)
    machine: str = field(default_factory=machine)


@dataclass(frozen=True)
class Part:
    """``goals``: its figures to reach, not measured; ``measure`` brings the same goals, measured."""

    goals: Sequence[Goal]
    measure: Callable[[Run], Found]


def read(file: Path) -> dict[str, Found]:
    """What :func:`keep` kept, by part; nothing where there is no file."""
    if not file.exists():
        return {}
    kept = json.loads(file.read_text("utf-8"))
    return {
        name: Found(
            [Goal(**goal) for goal in one["goals"]],
            [Table(**table) for table in one["tables"]],
            one["when"],
            one["machine"],
        )
        for name, one in kept.items()
    }


def keep(file: Path, name: str, found: Found) -> None:
    """Write ``found`` beside what ``file`` holds of other parts."""
    every = read(file) | {name: found}
    building = file.with_suffix(".building")
    building.write_text(json.dumps({key: asdict(one) for key, one in every.items()}, indent=1) + "\n", "utf-8")
    building.replace(file)


def log(text: str) -> None:
    """A line with the time of day."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)

"""One size measured, each step in a process of its own; and the measurements that are kept between runs.

Linux counts what a process held before it became another program as part of the latter's peak, so this side stays small
and the data are made in a process too.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PACKAGES = ("numpy", "scipy", "torch", "polars", "sqlalchemy", "onnxruntime-gpu")


@dataclass(frozen=True)
class Plan:
    """What to measure. ``time_budget_min``: None where training may take what it takes."""

    size: int
    preset: str = "small"
    closed_forms_only: bool = False
    time_budget_min: float | None = None

    @property
    def label(self) -> str:
        """What it has in common with other sizes."""
        budget = "" if self.time_budget_min is None else f", budget {self.time_budget_min:g} min"
        return f"{self.preset}{', closed forms' if self.closed_forms_only else ''}{budget}"


@dataclass(frozen=True)
class Measurement:
    """``import_``, ``train``: seconds, peak_mib and stages of each. ``error``: why there is no more, else empty."""

    plan: Plan
    interactions: int = 0
    users: int = 0
    items: int = 0
    import_: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    machine: str = ""


class StepError(Exception):
    """A step failed."""


def measure(plan: Plan, work: Path) -> Measurement:
    """Generate, import and train in ``work``, which is emptied before and after."""
    found: dict[str, Any] = {}
    _empty(work)
    try:
        made = _step("generate", plan, work)
        found |= {name: made[name] for name in ("interactions", "users", "items")}
        found["import_"] = _step("import", plan, work)
        found["train"] = _step("train", plan, work)
    except StepError as error:
        found["error"] = str(error)
    finally:
        shutil.rmtree(work)
    return Measurement(plan, machine=machine(), **found)


def machine() -> str:
    """The machine and the versions, in words."""
    versions = ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name)))
    threads = os.environ.get("OMP_NUM_THREADS")
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.system()}, {platform.machine()}), {memory_gib:.0f} GiB of memory, "
        f"{f'OMP_NUM_THREADS={threads}' if threads else 'all of them used'}; "
        f"Python {platform.python_version()}, {versions}; {datetime.now(UTC):%Y-%m-%d}"
    )


def read(file: Path) -> list[Measurement]:
    """What :func:`keep` kept, by size and label; none where there is no file."""
    if not file.exists():
        return []
    rows = json.loads(file.read_text("utf-8"))
    return [Measurement(**{**row, "plan": Plan(**row["plan"])}) for row in rows]


def keep(file: Path, measured: Measurement) -> list[Measurement]:
    """Write ``measured`` beside what ``file`` holds of other plans; all that it then holds."""
    others = [one for one in read(file) if one.plan != measured.plan]
    every = _ordered([*others, measured])
    file.parent.mkdir(parents=True, exist_ok=True)
    building = file.with_suffix(".building")
    building.write_text(json.dumps([asdict(one) for one in every], indent=1) + "\n", "utf-8")
    building.replace(file)
    return every


def _ordered(measured: Iterable[Measurement]) -> list[Measurement]:
    return sorted(measured, key=lambda one: (one.plan.label, one.plan.size))


def _step(name: str, plan: Plan, work: Path) -> dict[str, Any]:
    command = [sys.executable, str(HERE / "steps.py"), name, "--folder", str(work), "--size", str(plan.size)]
    command += ["--preset", plan.preset]
    if plan.closed_forms_only:
        command.append("--closed-forms-only")
    if plan.time_budget_min is not None:
        command += ["--time-budget", str(plan.time_budget_min)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        why = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        raise StepError(f"{name} ended with {why}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _version(package: str) -> str:
    try:
        return version(package)
    except ImportError:
        return ""

"""One step of one size, in a process of its own: ``generate``, ``import`` or ``train``.

Started by ``measuring.py``. The last line of its output is JSON: seconds, peak of the resident memory in MiB, and what
the step has to tell.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from generating import generate

from firstlight.datasets import import_files
from firstlight.plugins import load_plugins
from firstlight.settings import Settings, init_home
from firstlight.store import open_store
from firstlight.training import TrainOptions, train

CATALOG = "default"
SEED = 0
TRAINED_BY_STEPS = ("sequence", "student")
"""Components that gradient descent trains; all others are closed forms."""


class Stages:
    """A ``Progress`` that keeps the time; a stage is the first word of what it is called."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._since = "", time.monotonic()

    def __call__(self, stage: str, share: float) -> None:
        now = time.monotonic()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage.partition(" ")[0], now


def generating(given: argparse.Namespace) -> dict[str, Any]:
    """Write the files."""
    made = generate(given.size, SEED)
    made.write(given.folder)
    return {
        "interactions": made.interactions.height,
        "users": made.users.height,
        "items": made.items.height,
    }


def importing(given: argparse.Namespace) -> dict[str, Any]:
    """The files into a new home with SQLite.

    Raises:
        RuntimeError: rows are missing, or something was rejected.
    """
    settings = init_home(given.folder / "home")
    store = open_store(settings)
    stages = Stages()
    try:
        report = import_files(
            store,
            CATALOG,
            interactions=given.folder / "interactions.parquet",
            items=given.folder / "items.parquet",
            users=given.folder / "users.parquet",
            reject_dir=settings.home / "rejects",
            progress=stages,
        )
    finally:
        store.close()
    if report.reject_file or report.interactions_unchanged:
        raise RuntimeError("the import left rows out")
    stages("end", 1.0)
    return {"written": report.interactions_written, "stages": stages.seconds}


def training(given: argparse.Namespace) -> dict[str, Any]:
    """A whole training run on the CPU: from reading the store to the active bundle, built-in plugins alone.

    Raises:
        RuntimeError: the bundle was not activated.
    """
    disabled = TRAINED_BY_STEPS if given.closed_forms_only else ()
    settings = Settings.load(given.folder / "home").model_copy(
        update={"allow_plugins": (), "disable_plugins": disabled, "strict_plugins": True}
    )
    options = TrainOptions(
        preset=given.preset,
        seed=SEED,
        device="cpu",
        time_budget_s=None if given.time_budget is None else 60 * given.time_budget,
    )
    plugins = load_plugins(settings.plugin_rules)
    store = open_store(settings)
    stages = Stages()
    try:
        result = train(store, settings, plugins, CATALOG, options, progress=stages)
    finally:
        store.close()
    stages("end", 1.0)
    if not result.activated:
        raise RuntimeError(f"the bundle was not activated: {result.gate.reason}")
    bundle = sum(file.stat().st_size for file in result.path.rglob("*") if file.is_file())
    return {
        "components": sorted(plugins.registrations),
        "bundle_mib": bundle / 2**20,
        "stages": stages.seconds,
    }


STEPS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "generate": generating,
    "import": importing,
    "train": training,
}


def main() -> None:
    """Do the step and tell."""
    parser = argparse.ArgumentParser(description="One step of one size.")
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--time-budget", type=float)
    parser.add_argument("--closed-forms-only", action="store_true")
    given = parser.parse_args()
    start = time.monotonic()
    told = STEPS[given.step](given)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB
    print(json.dumps({"seconds": time.monotonic() - start, "peak_mib": peak_mib, **told}))


if __name__ == "__main__":
    main()

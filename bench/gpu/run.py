"""Batch scoring by the sequence component on CUDA beside CPU, in one run: ``make bench-gpu``.

The component is exported after one epoch on generated behaviour (the values of the weights do not change the speed),
loaded once for each provider, and asked to score 200 candidates a query. Every figure is the median of several calls
after a warm-up. Without a CUDA device only the CPU columns are printed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from firstlight.domain import Attribute, Dataset, Histories, Kind, Queries, Schema, TrainingData
from firstlight.features import FeatureEncoders, training_data
from firstlight.plugins import load_plugins
from firstlight.roles import Component, FitOptions, Runner
from firstlight.runtime import BundleRuntime, choose_providers, open_session
from firstlight.runtime.providers import CPU, CUDA

USERS, ITEMS, SHOWN, CANDIDATES = 600, 2_000, 50, 200
BATCHES = (1, 16, 64, 256, 1024)


def generated(seed: int) -> TrainingData:
    """``USERS`` who each interacted with ``SHOWN`` items, popular ones more often."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, ITEMS + 1)
    rows = [rng.choice(ITEMS, SHOWN, replace=False, p=weights / weights.sum()).tolist() for _ in range(USERS)]
    dataset = Dataset(
        Schema(users=(Attribute("region", Kind.CATEGORICAL),), items=(Attribute("genre", Kind.CATEGORICAL),)),
        tuple(f"u{n}" for n in range(USERS)),
        tuple(f"i{n:05}" for n in range(ITEMS)),
        tuple({"region": f"r{n % 5}"} for n in range(USERS)),
        tuple({"genre": f"g{n % 20}"} for n in range(ITEMS)),
        Histories.from_rows(rows),
    )
    return training_data(dataset, FeatureEncoders.fit(dataset), validation=np.arange(50))


@dataclass(frozen=True, slots=True)
class OneProvider(BundleRuntime):
    """A runtime whose sessions all run on ``provider``."""

    provider: str = CPU

    def session(self, path: Path) -> Runner:
        """A session on ``provider``, or none at all."""
        runner = open_session(path, threads=self.threads, providers=(self.provider,))
        if runner.provider != self.provider:
            raise SystemExit(f"asked for {self.provider}, got {runner.provider}")
        return runner


def median_ms(component: Component, queries: Queries, repeats: int) -> float:
    """Milliseconds to score ``CANDIDATES`` items for each of ``queries``."""
    positions = np.tile(np.arange(CANDIDATES, dtype=np.int32), (len(queries), 1))
    component.score(queries, positions)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        component.score(queries, positions)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="base", choices=["small", "base", "large"])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of one call")
    options = parser.parse_args()
    console = Console()
    providers = [CPU, CUDA] if CUDA in choose_providers() else [CPU]
    if len(providers) == 1:
        console.print("No CUDA device here: the CPU columns alone")
    table = Table(title=f"sequence, preset {options.preset}: {SHOWN} interactions and {CANDIDATES} candidates a query")
    headings = [f"{name} {what}" for name in ("CPU", "CUDA")[: len(providers)] for what in ("ms", "queries/s")]
    for heading in ("batch", *headings, *(["CPU / CUDA"] if len(providers) > 1 else [])):
        table.add_column(heading, justify="right")

    data = generated(seed=0)
    registrations = load_plugins().registrations
    popularity: Any = registrations["popularity"].create()
    popularity.fit(data, FitOptions())
    sequence: Any = registrations["sequence"].create({"epochs": 1, "preset": options.preset})
    sequence.fit(data, FitOptions(components={"popularity": popularity}))
    with tempfile.TemporaryDirectory() as directory:
        sequence.export(Path(directory))
        loaded = []
        for provider in providers:
            component: Any = registrations["sequence"].create({"preset": options.preset})
            component.load(
                Path(directory), OneProvider(data.items, {"popularity": popularity}, options.threads, provider)
            )
            loaded.append(component)
        for batch in BATCHES:
            users = np.arange(batch) % USERS
            queries = Queries(data.profiles[users], data.dataset.histories.take(users))
            times = [median_ms(component, queries, options.repeats) for component in loaded]
            cells = [cell for ms in times for cell in (f"{ms:.2f}", f"{batch / ms * 1000:,.0f}")]
            table.add_row(str(batch), *cells, *([f"{times[0] / times[1]:.1f} ×"] if len(times) > 1 else []))
    console.print(table)


if __name__ == "__main__":
    main()

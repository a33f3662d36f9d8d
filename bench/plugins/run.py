"""What observers and isolation cost a Recommend: the same pipeline with and without them, alternating, in one process.

``python bench/plugins/run.py`` trains MovieLens 100K (preset small, once; kept in ``--home``) and asks for 20 items for
users with 0 to 10 interactions. A plugin that is not trusted watches every request before and after, and reranks.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from firstlight import hookimpl
from firstlight.datasets import import_files, movielens_100k
from firstlight.domain import HistoryEntry, Query
from firstlight.pipeline import Engine, Isolation
from firstlight.plugins import GROUP, Plugins, load_plugins
from firstlight.settings import IsolationSettings, init_home
from firstlight.store import open_store
from firstlight.training import TrainOptions, train

T = TypeVar("T")
ROUNDS = 41
CALLS = 50
GOAL = 1.03


class Same:
    """A reranker that changes nothing."""

    def rerank(self, queries: Any, positions: Any, values: Any) -> Any:
        """The order as it is."""
        return np.broadcast_to(np.arange(positions.shape[1]), positions.shape)


def watcher() -> EntryPoint:
    """A plugin of a stranger: two observers and a reranker."""
    module = ModuleType("firstlight_bench_watcher")

    @hookimpl
    def firstlight_before_recommend(catalog_id: str, queries: Any) -> None:
        pass

    @hookimpl
    def firstlight_after_recommend(catalog_id: str, queries: Any, positions: Any) -> None:
        pass

    @hookimpl
    def firstlight_register_reranker(register: Any) -> None:
        register("same", Same)

    for each in (firstlight_before_recommend, firstlight_after_recommend, firstlight_register_reranker):
        setattr(module, each.__name__, each)
    sys.modules[module.__name__] = module
    return EntryPoint("watcher", module.__name__, GROUP)


class Bare(Isolation):
    """No observers, no guard: every component is called as it is."""

    def batch(self, absent: Mapping[str, str], *, remaining_s: float | None = None) -> Any:
        """Calls without anything around them."""
        return Plain()

    def observe(self, batch: Any, hook: str, **arguments: Any) -> None:
        """Nobody is told."""


class Plain:
    """An attempt that is only a call."""

    degradations = ()

    def __call__(self, component: str, operation: str, function: Callable[[], T]) -> T:
        return function()

    def tell(self, catalog_id: str) -> None:
        """There is nothing to tell."""


def seconds(engine: Engine, queries: list[Query]) -> float:
    """Of one pass, one query at a time, with a deadline as in a server."""
    start = time.perf_counter()
    for query in queries:
        engine.recommend([query], remaining_s=5.0)
    return time.perf_counter() - start


def ratio(one: Engine, other: Engine, queries: list[Query]) -> tuple[float, float, float]:
    """Median of ``one`` over ``other`` in pairs that alternate, and microseconds of each."""
    pairs = [(seconds(one, queries), seconds(other, queries)) for _ in range(ROUNDS)]
    first, second = (statistics.median(times) / len(queries) * 1e6 for times in zip(*pairs, strict=True))
    return statistics.median(a / b for a, b in pairs), first, second


def main() -> int:
    """Print the table and write it beside this file; the exit code says whether the goal is reached."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, default=Path(".cache/bench-home"))
    home = parser.parse_args().home
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    path = trained(home)
    plugins = load_plugins(extra=[watcher()])
    met = [HistoryEntry(str(n), 5.0) for n in range(1, 11)]
    queries = [Query(profile={"age": 20 + n}, history=met[: n % 11]) for n in range(CALLS)]
    rows = []
    bare = Engine.open(path, plugins, isolation=Bare(plugins))
    for name, isolation in variants(plugins).items():
        engine = Engine.open(path, plugins, isolation=isolation, verify=False)
        for _ in range(1 + 1100 // CALLS):
            seconds(engine, queries)
        rows.append((name, *ratio(engine, bare, queries)))
    lines = [
        "| the stranger's components | with | without | ratio |",
        "|---|---|---|---|",
        *(
            f"| {name} | {with_us:.0f} µs | {without_us:.0f} µs | {found:.3f} |"
            for name, found, with_us, without_us in rows
        ),
    ]
    print("\n".join(lines))
    write(lines)
    return 0 if rows[0][1] <= GOAL and rows[1][1] <= GOAL else 1


def variants(plugins: Plugins) -> dict[str, Isolation]:
    """The three ways a component can be called."""
    never = IsolationSettings(promote_after=10**9)
    return {
        "trusted": Isolation(plugins, trusted=("watcher",)),
        "promoted after 1,000 quick calls": Isolation(plugins),
        "in guarded threads": Isolation(plugins, never),
    }


def trained(home: Path) -> Path:
    """The active bundle of a home with MovieLens 100K, made where there is none."""
    settings = init_home(home)
    store = open_store(settings)
    try:
        active = store.active_bundle("default")
        if active is None:
            files = movielens_100k(settings.home / "cache")
            import_files(
                store,
                "default",
                interactions=files.interactions,
                items=files.items,
                users=files.users,
                reject_dir=settings.home / "rejects",
            )
            train(store, settings, load_plugins(), "default", TrainOptions(preset="small"))
            active = store.active_bundle("default")
        assert active is not None
        return settings.bundles / active.path
    finally:
        store.close()


def write(lines: list[str]) -> None:
    """RESULTS.md."""
    text = [
        "# What plugins cost a request",
        "",
        "`make bench-plugins`: one `Recommend` of 20 items on MovieLens 100K (preset small), one query at a time, with",
        "two observers and a reranker of a stranger's plugin, against the same pipeline without observers and",
        f"guards. Medians of {ROUNDS} alternating pairs of {CALLS} calls in one process; the goal is at most",
        f"{GOAL} for components that are trusted or promoted.",
        "",
        *lines,
        "",
        f"Measured with Python {platform.python_version()} on {os.cpu_count()} cores ({platform.machine()}).",
        "",
    ]
    Path(__file__).with_name("RESULTS.md").write_text("\n".join(text), "utf-8")


if __name__ == "__main__":
    sys.exit(main())

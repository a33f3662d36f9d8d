"""The part ``memory``: what a second worker adds to the first one's."""

from __future__ import annotations

import catalogues
import driving
from asking import CACHED, ROUTES, dataset, requests, write
from driving import MANY
from goals import LARGE, Goal
from parts import Found, Part, Run, log
from serving import ALL_CORES, Memory, serving
from table import Table

GOAL = Goal("PSS of two workers less PSS of one, 1,000,000 items", "≤ 20 % of one")
MOST = 0.20


def memory(run: Run) -> Found:
    """One after the other: beside each other they would share pages."""
    items = run.size(LARGE)
    one, two = (_memory(run, items, workers) for workers in (1, 2))
    added = (two.pss - one.pss) / one.pss
    rows = [(str(n), f"{found.pss:,.0f}", f"{found.private:,.0f}") for n, found in ((1, one), (2, two))]
    title = f"Memory of all workers after traffic on both routes, MiB, {items:,} items"
    return Found([GOAL.met(f"{added:.1%}", added <= MOST)], [Table(title, ["workers", "PSS", "private"], rows)])


def _memory(run: Run, items: int, workers: int) -> Memory:
    log(f"{items:,} items: memory of {workers}")
    settings = catalogues.catalogue(run.cache, items)
    data = dataset(settings)
    with serving(settings.home, workers=workers, cores=ALL_CORES) as server:
        for route in ROUTES:
            asked = requests(data, CACHED, route)
            server.warm(asked)
            files = write(asked, run.work, f"memory-{route}")
            driving.closed(run.generator, server, files, run.seconds, MANY)
        return server.memory()


PART = Part([GOAL], memory)

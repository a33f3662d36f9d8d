"""The part ``workers``: what a second worker costs, in processor time of a call at one rate."""

from __future__ import annotations

import statistics
from contextlib import ExitStack

import catalogues
import driving
from asking import CACHED, Asked, dataset, requests, write
from driving import MANY
from goals import MIDDLE, Goal
from parts import Found, Part, Run, log
from serving import ALL_CORES, Server, echoing, serving
from table import Table

SHARE = 0.25
"""Of what one worker does in a closed loop: well below what either does at most."""
GOAL = Goal("CPU per request, 1 → 2 workers at equal rate", "≤ 10 points more than the echo's")
MOST_POINTS = 10


def workers(run: Run) -> Found:
    """One and two workers, one and two echoes, by turns; all of them have all cores, and so has the generator."""
    items = run.size(MIDDLE)
    log(f"{items:,} items: one and two workers")
    settings = catalogues.catalogue(run.cache, items)
    asked = requests(dataset(settings), CACHED, "fast")
    files = write(asked, run.work, "workers")
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(settings.home, workers=n, cores=ALL_CORES)) for n in (1, 2)]
        answer = servers[0].answer(asked[0])
        echoes = [stack.enter_context(echoing(answer, run.work, processes=n, cores=ALL_CORES)) for n in (1, 2)]
        for server in servers:
            server.warm(asked)
        every = [*servers, *echoes]
        for one in reversed(every):  # the last one is the one that tells the rate
            rate = SHARE * driving.closed(run.generator, one, files, run.seconds, MANY)["per_second"]
        used = [[_cpu_ms(run, one, files, rate, seed) for one in every] for seed in range(run.rounds)]
    one, two, echo, echo_two = (statistics.median(column) for column in zip(*used, strict=True))
    ours, theirs = (100 * (after / before - 1) for before, after in ((one, two), (echo, echo_two)))
    more = ours - theirs
    rows = [
        ("Firstlight", f"{one:.2f}", f"{two:.2f}", f"{ours:+.0f} %"),
        ("echo", f"{echo:.3f}", f"{echo_two:.3f}", f"{theirs:+.0f} %"),
    ]
    title = f"CPU ms a request at {rate:,.0f} calls/s over {MANY.connections} connections, fast, {items:,} items"
    goal = GOAL.met(f"{more:+.0f} points", more <= MOST_POINTS)
    return Found([goal], [Table(title, ["", "1 process", "2 processes", "more"], rows)])


def _cpu_ms(run: Run, server: Server, files: Asked, rate: float, seed: int) -> float:
    """Of a request, supervisor included."""
    before = server.cpu_s()
    told = driving.answered(driving.open_loop(run.generator, server, files, run.seconds, rate, seed=seed, callers=MANY))
    return 1000 * (server.cpu_s() - before) / told["counts"]["OK"]


PART = Part([GOAL], workers)

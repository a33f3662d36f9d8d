"""What distillation keeps and what it saves: the student in three forms beside its teacher, on MovieLens 100K.

``python bench/student/run.py --folds 1`` deals new users as ``firstlight evaluate`` does, fits every component on each
fold's training users, asks about its held-out users at k = 0, 1, 3, 5 and 10 interactions, and times single queries on
one core.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight.datasets import import_files, movielens_100k
from firstlight.domain import Dataset, Histories, ItemTable, Queries, Scores, TrainingData
from firstlight.evaluation.protocols import NEW_USER, SHOWN, Split, splits
from firstlight.features import FeatureEncoders, training_data
from firstlight.roles import Component, FitOptions
from firstlight.runtime import BundleRuntime
from firstlight.settings import init_home
from firstlight.store import open_store
from firstlight.training.blocks import validation_users
from firstlight.training.problems import Quality, without_history
from firstlight_plugins.factors import Factors
from firstlight_plugins.neighbours import Neighbours
from firstlight_plugins.popularity import Popularity
from firstlight_plugins.sequence import Sequence, SequenceConfig
from firstlight_plugins.student import Student, StudentSettings
from firstlight_plugins.student.teacher import Teacher, assemble

CATALOG = "default"
SEED = 0
VARIANTS = ("float32", "int8", "pruned")
TEACHER, PRIOR, BASE = "teacher ensemble", "segment popularity", "sequence, base"
TAUGHT: Mapping[str, Callable[[], Component]] = {
    "popularity": Popularity,
    "sequence": Sequence,
    "neighbours": Neighbours,
    "factors": Factors,
}
"""The teacher's components, the prior first: those of the student's default setting."""
CANDIDATES = 200
QUERIES = 40
ROUNDS = 31

COLUMNS = ("parameters", "bytes", f"score of {CANDIDATES}, µs", "encoder alone, µs")

KEPT, FLOOR, FASTER, SMALLER = 0.8, 0.99, 5.0, 10.0
"""The goals."""
MISSED = "missed"

Array = NDArray[np.float64]


@dataclass
class Subject:
    """One row of the table: ``ndcg`` by k, one array of users a fold; size and time from the first fold."""

    ndcg: dict[int, list[Array]]
    parameters: int | None = None
    size: int | None = None
    score_us: float | None = None
    encoder_us: float | None = None

    def quality(self, shown: int) -> float:
        """Mean NDCG@10 over all users asked."""
        return float(np.concatenate(self.ndcg[shown]).mean())


def main() -> int:
    """Print the table and write it beside this file; the exit code says whether every goal is reached."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, default=Path(".cache/bench-home"))
    parser.add_argument("--folds", type=int, default=1, choices=range(1, 6))
    arguments = parser.parse_args()
    subjects: dict[str, Subject] = {}
    seconds: list[float] = []
    for split in splits(movielens(arguments.home), NEW_USER, folds=arguments.folds, seed=SEED):
        print(f"fold {split.fold + 1}", flush=True)
        one_fold(split, subjects, seconds)
    lines = table(subjects)
    verdicts = goals(subjects)
    print("\n".join([*lines, "", *verdicts]))
    write(lines, verdicts, folds=arguments.folds, seconds=statistics.median(seconds))
    return 0 if all(MISSED not in line for line in verdicts) else 1


def movielens(home: Path) -> Dataset:
    """MovieLens 100K, imported into ``home`` where it is not there yet."""
    settings = init_home(home)
    store = open_store(settings)
    try:
        if not store.load_dataset(CATALOG).user_ids:
            files = movielens_100k(settings.home / "cache")
            rejects = settings.home / "rejects"
            parts = {"interactions": files.interactions, "items": files.items, "users": files.users}
            import_files(store, CATALOG, **parts, reject_dir=rejects)
        return store.load_dataset(CATALOG)
    finally:
        store.close()


def one_fold(split: Split, subjects: dict[str, Subject], seconds: list[float]) -> None:
    """Fit, ask, and on the first fold measure sizes and times."""
    encoders = FeatureEncoders.fit(split.training, seed=SEED)
    data = training_data(split.training, encoders, validation=validation_users(CATALOG, split.training))
    cases = {case.shown: case for case in split.cases}
    asked = {k: Queries(encoders.profiles(c.attributes), c.histories, tuple(c.attributes)) for k, c in cases.items()}
    components: dict[str, Component] = {}
    for name, make in TAUGHT.items():
        components[name] = make()
        components[name].fit(data, FitOptions(seed=SEED, components=dict(components)))
    options = FitOptions(seed=SEED, components=components)
    base = Sequence(SequenceConfig(preset="base"))
    base.fit(data, options)
    students = {f"student, {variant}": Student(StudentSettings(variant=variant)) for variant in VARIANTS}
    parameters: dict[str, int] = {BASE: _parameters(base)}
    for name, student in students.items():
        start = time.perf_counter()
        parameters[name] = int(student.fit(data, options)["parameters"])
        seconds.append(time.perf_counter() - start)
    teacher = assemble(data, components, options)[0]
    answering = {PRIOR: components["popularity"], TEACHER: _Ensemble(teacher), BASE: base, **students}
    for name, component in answering.items():
        subject = subjects.setdefault(name, Subject({shown: [] for shown in SHOWN}))
        for shown, queries in asked.items():
            subject.ndcg[shown].append(quality(component, queries, cases[shown].targets, data.items.base_size))
    if split.fold == 0:
        for name, count in parameters.items():
            subjects[name].parameters = count
        measure({**components, BASE: base, **students}, teacher, subjects, data, asked[10])


@dataclass(frozen=True)
class _Ensemble:
    """A teacher with the face of a component."""

    teacher: Teacher

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Log shares among the candidates."""
        excluded = (positions < 0) | queries.histories.holding(positions)
        shares = self.teacher.log_shares(queries, positions, excluded)
        return Scores(np.where(excluded, 0, shares).astype(np.float32), ~excluded)


def _parameters(sequence: Any) -> int:
    """Of a fitted ``sequence``: what it learnt, and the content codes it serves; the student's are counted alike."""
    module = sequence._encoder.module
    return sum(p.numel() for p in module.parameters()) + module.content_weights.numel()


def quality(component: Any, queries: Queries, targets: Histories, items: int) -> Array:
    """NDCG@10 of each user over the whole catalogue less the history."""
    everything = np.tile(np.arange(items, dtype=np.int32), (len(queries), 1))
    positions = without_history(everything, queries)
    values = np.where(positions >= 0, component.score(queries, positions).values, -np.inf)
    return Quality.of(values.astype(np.float32), positions, targets).ndcg


def measure(
    components: Mapping[str, Component],
    teacher: Teacher,
    subjects: Mapping[str, Subject],
    data: TrainingData,
    queries: Queries,
) -> None:
    """Bytes of the exports, and times of single queries after loading, all in turn."""
    loaded: dict[str, Any] = {}
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as directory:
        runtime = BundleRuntime(ItemTable(data.items.base_content, data.items.base_counts), loaded)
        for number, (name, component) in enumerate(components.items()):
            path = Path(directory, str(number))
            path.mkdir()
            component.export(path)
            sizes[name] = sum(file.stat().st_size for file in path.rglob("*"))
            loaded[name] = type(component)()
            loaded[name].load(path, runtime)
        loaded[PRIOR], sizes[PRIOR] = loaded["popularity"], sizes["popularity"]
        loaded[TEACHER] = _Ensemble(replace(teacher, components=tuple(loaded[name] for name in TAUGHT)))
        sizes[TEACHER] = sum(sizes[name] for name in TAUGHT if name != "popularity")
        found = times({name: loaded[name] for name in subjects}, queries, data.items.base_size)
    for name, (score_us, encoder_us) in found.items():
        subject = subjects[name]
        subject.size, subject.score_us, subject.encoder_us = sizes[name], score_us, encoder_us


def times(components: Mapping[str, Any], queries: Queries, items: int) -> dict[str, tuple[float, float | None]]:
    """Microseconds of this thread's CPU time a query, of ``score`` and of ``states``; medians of rounds in turn."""
    rng = np.random.default_rng(SEED)
    single = [queries.take(np.array([row])) for row in range(min(QUERIES, len(queries)))]
    candidates = [rng.choice(items, CANDIDATES, replace=False).astype(np.int32)[None] for _ in single]

    def once(call: Callable[[Queries, NDArray[np.int32]], Any]) -> float:
        start = time.thread_time()
        for query, positions in zip(single, candidates, strict=True):
            call(query, positions)
        return (time.thread_time() - start) / len(single) * 1e6

    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in components}
    for _ in range(ROUNDS):
        for name, component in components.items():
            states = getattr(component, "states", None)
            encoder_us = once(lambda query, _, states=states: states(query)) if states else np.nan
            taken[name].append((once(component.score), encoder_us))
    found = {name: tuple(map(statistics.median, zip(*rounds, strict=True))) for name, rounds in taken.items()}
    return {name: (score, None if np.isnan(encoder) else encoder) for name, (score, encoder) in found.items()}


def table(subjects: Mapping[str, Subject]) -> list[str]:
    """The one table."""

    def number(value: float | None, form: str = ",.0f") -> str:
        return "–" if value is None else format(value, form)

    lines = [_row("", *COLUMNS, *(f"k = {shown}" for shown in SHOWN)), "|---" * (1 + len(COLUMNS) + len(SHOWN)) + "|"]
    for name, subject in subjects.items():
        cells = [number(subject.parameters), number(subject.size), number(subject.score_us), number(subject.encoder_us)]
        cells += [f"{subject.quality(shown):.4f}"[1:] for shown in SHOWN]
        lines.append(_row(name, *cells))
    return lines


def goals(subjects: Mapping[str, Subject]) -> list[str]:
    """A table of the goals: what each form of the student reaches, and where it misses."""
    prior, teacher, base = subjects[PRIOR], subjects[TEACHER], subjects[BASE]
    students = [subjects[f"student, {variant}"] for variant in VARIANTS]

    def kept(student: Subject, shown: int) -> float:
        floor = prior.quality(shown)
        return (student.quality(shown) - floor) / (teacher.quality(shown) - floor)

    def saved(what: str) -> list[float]:
        return [getattr(base, what) / getattr(student, what) for student in students]

    found: dict[str, tuple[float, list[float]]] = {
        f"share of the teacher's gain over segment popularity, k = {shown}": (KEPT, [kept(s, shown) for s in students])
        for shown in (3, 5, 10)
    }
    found["NDCG@10 by segment popularity's, k = 0"] = (FLOOR, [s.quality(0) / prior.quality(0) for s in students])
    found["µs of score: base sequence by student"] = (FASTER, saved("score_us"))
    found["µs of the encoder: base sequence by student"] = (FASTER, saved("encoder_us"))
    found["parameters: base sequence by student"] = (SMALLER, saved("parameters"))
    lines = [_row("", "goal, at least", *VARIANTS), "|---" * (2 + len(VARIANTS)) + "|"]
    for what, (goal, reached) in found.items():
        cells = [f"{value:.2f}" + (f" ({MISSED})" if value < goal else "") for value in reached]
        lines.append(_row(what, f"{goal:g}", *cells))
    return lines


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def write(lines: list[str], verdicts: list[str], *, folds: int, seconds: float) -> None:
    """RESULTS.md."""
    text = [
        "# What distillation keeps and what it saves",
        "",
        f"`make bench-student`: MovieLens 100K, new users, {folds} of 5 folds, one seed. NDCG@10 over the whole",
        f"catalogue after k interactions. Times are CPU time of one thread, medians of {ROUNDS} rounds in turn over",
        f"{QUERIES} single queries with 10 interactions, loaded as in a server: `score` of {CANDIDATES} candidates,",
        "the prior included, and `states`, which is the encoder with its inputs. Parameters are what was learnt and is",
        "served; bytes are those of the export. Neither counts the prior's own table, which every strategy shares and",
        "whose bytes its row shows; those of the teacher are its components' together. The teacher is the ensemble of",
        "popularity, sequence (small), neighbours and factors.",
        "",
        *lines,
        "",
        *verdicts,
        "",
        f"Training a student took {seconds:.0f} s (median of forms and folds), the teachers not counted.",
        f"Measured with Python {platform.python_version()} on {os.cpu_count()} cores ({platform.machine()}).",
        "",
    ]
    Path(__file__).with_name("RESULTS.md").write_text("\n".join(text), "utf-8")


if __name__ == "__main__":
    sys.exit(main())

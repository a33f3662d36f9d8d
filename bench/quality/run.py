"""The product beside open peers, on the same folds: ``make bench-quality``.

Peers (see ``peers/``) are lightfm-next and implicit from PyPI, and closed forms written here. Each is tuned over a
small grid on the training part of the first fold, by the same protocol played inside it, and keeps that setting in all
folds. All get what the product gets: histories, and attributes as the product's encoders see them, fitted on the
training part (text as TF-IDF words). The product is trained once a fold and asked through the model that serves.

Prints tables with intervals, paired differences and the figures to reach, and writes RESULTS.md and plots beside this
file. Everything is cached under ``--cache`` by the hash of data and code: a run that was cut off goes on. The exit code
is 1 where, on all folds of MovieLens 100K, a peer lands below what it reached before (``reference.py``).
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # what benchmarks share

import competing
import ours
from cache import Answers, Cache
from comparing import Line, Slices
from figures import figures, training
from loading import load
from plots import draw
from reference import checks
from rich.console import Console
from table import Table
from tables import best_table, check_table, figure_table, slice_tables

from firstlight.domain import Dataset
from firstlight.evaluation.protocols import FOLDS, PROTOCOLS, Split, splits
from firstlight.plugins import load_plugins
from firstlight.settings import init_home
from firstlight.training import TrainOptions

HERE = Path(__file__).parent
SEED = 0


def log(text: str) -> None:
    """A line with the time of day."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Play every protocol, print, write."""
    given = arguments()
    start = time.monotonic()
    cache = Cache(given.cache)
    settings = init_home(given.cache / "home")
    plugins = load_plugins(settings.plugin_rules)
    dataset = load(settings, plugins, given.data)
    options = TrainOptions(preset=given.preset, seed=SEED, device=given.device)
    peers: dict = {}
    product: dict = {}
    seconds: dict[str, float] = {}
    longest = 0.0
    grids: list[list[str]] = []
    for protocol in [given.protocol] if given.protocol else PROTOCOLS:
        parts = splits(dataset, protocol, folds=given.folds, seed=SEED)
        folds = competing.Folds(dataset, protocol, parts, SEED)
        tuned, seconds[f"{protocol}: tuning the peers"] = competing.tune(folds, cache, log)
        found = [competing.compete(folds, n, tuned, cache, log) for n in range(len(parts))]
        seconds[f"{protocol}: the peers, {len(parts)} folds"] = sum(s for _, s in found)
        peers |= collected(parts, [answers for answers, _ in found])
        grids += [row for one in tuned for row in setting_rows(one)]
        if not given.only_peers:
            mine = [ours.answer(split, plugins, settings, options, cache=cache, log=log) for split in parts]
            seconds[f"{protocol}: training the product, {len(parts)} folds"] = sum(s for _, s in mine)
            longest = max(longest, *(s for _, s in mine))
            product |= collected(parts, [answers for answers, _ in mine])
    tables = slice_tables(product, peers)
    checked = checks(peers) if given.data is None else []
    tables += [best_table(peers)] + ([check_table(checked)] if checked else [])
    if product:
        reached = figures(product, peers)
        speed = training(len(dataset.histories.items), given.preset, longest)
        tables.append(figure_table([*reached, speed] if speed else reached))
    console = Console(width=None if sys.stdout.isatty() else 200)
    for table in tables:
        table.show(console)
    seconds["this run; what was cached before took no time"] = time.monotonic() - start
    if given.folds == FOLDS and not given.protocol and not given.only_peers:
        tables += [
            Table("Settings of the peers", ["peer", "slice", "tried", "chosen", "NDCG@10 inside training"], grids),
            Table("Seconds", ["part", "seconds"], [[name, f"{value:.0f}"] for name, value in seconds.items()]),
        ]
        write(given.out, about(dataset, given), tables, draw(product, peers, given.out))
    failed = [check for check in checked if not check.passed]
    for check in failed:
        log(f"{check.peer} is at {check.here:.3f} in {check.key}, below {check.least:.3f}")
    return 1 if failed and given.folds == FOLDS else 0


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, help="folder with interactions.*, items.*, users.*; default: MovieLens 100K"
    )
    parser.add_argument("--folds", type=int, default=FOLDS, choices=range(1, FOLDS + 1))
    parser.add_argument("--protocol", choices=PROTOCOLS, help="default: all")
    parser.add_argument("--preset", choices=("small", "base", "large"), default="base")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--only-peers", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path(".cache/bench-quality"))
    parser.add_argument("--out", type=Path, default=HERE, help="where RESULTS.md of a complete run goes")
    return parser.parse_args()


def collected(parts: list[Split], answers: list[Answers]) -> Slices:
    """Answers by slice and strategy, all folds together; a strategy that is silent in a fold is left out."""
    found: dict = {}
    for number, case in enumerate(parts[0].cases):
        played = [n for n, split in enumerate(parts) if len(split.cases[number].users)]
        names = dict.fromkeys(name for n in played for case_number, name in answers[n] if case_number == number)
        lines = {
            name: Line.of(answers[n][number, name] for n in played)
            for name in names
            if all((number, name) in answers[n] for n in played)
        }
        if lines:
            found[case.slice_name, case.shown] = lines
    return found


def setting_rows(tuned: competing.Tuned) -> list[list[str]]:
    """A peer's choices as rows of a table."""
    return [
        [
            tuned.entry.name,
            slice_name if shown is None else f"{slice_name}, k = {shown}",
            str(choice.tried),
            ", ".join(f"{name} {value}" for name, value in choice.setting.items()) or "–",
            f"{choice.ndcg:.3f}" if choice.tried > 1 else "–",
        ]
        for (slice_name, shown), choice in tuned.choices.items()
    ]


def about(dataset: Dataset, given: argparse.Namespace) -> str:
    """What was measured, with what."""
    name = "MovieLens 100K" if given.data is None else f"the data in {given.data.name}"
    versions = ", ".join(f"{p} {version(p)}" for p in ("lightfm-next", "implicit", "numpy", "scipy", "torch"))
    return (
        f"`make bench-quality` on {name}: {len(dataset.user_ids):,} users, {len(dataset.item_ids):,} items, "
        f"{len(dataset.histories.items):,} interactions, five folds, preset {given.preset}. The fusion is what is "
        "served; its components are in italics; the others are peers. Settings of the peers were chosen on the "
        "training part of the first fold and kept in all, which can only favour them. LightFM's figures are means of 3 "
        "seeds.\n\n"
        f"{versions}, Python {platform.python_version()}, {os.cpu_count()} cores "
        f"({platform.machine()}), {datetime.now(UTC):%Y-%m-%d}."
    )


def write(folder: Path, text: str, tables: list[Table], plots: list[str]) -> None:
    """RESULTS.md."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [f"![{name.removesuffix('.png')}]({name})" for name in plots]
    parts = ["# The product beside open peers", text, *pictures, *(table.markdown() for table in tables)]
    (folder / "RESULTS.md").write_text("\n\n".join(parts) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())

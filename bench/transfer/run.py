"""What a body carried from another catalogue is worth: two catalogues of MovieLens 100K with other films and users.

``python bench/transfer/run.py`` splits the films in two (by even and odd years, or by genre: drama and the rest) and
half of the users from the other half. The first part is the source. Of the second part 20, 50 or 100 users train, and
those from the 200th on are asked as in the new-user protocol: profile and first k interactions, targets are the
positives after the first 10 on films that the training users met. Everything is drawn anew for each seed. Compared are
the whole product trained with ``--from-bundle``, the whole product trained on the target alone, and popularity of the
latter. The source's bundle is trained with the components that are carried alone: the others take no part.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstlight.datasets import import_files, movielens_100k
from firstlight.domain import Dataset, Histories
from firstlight.evaluation.measuring import measure
from firstlight.evaluation.protocols import NEW_USER, SHOWN, Case
from firstlight.learning.heldout import POOL
from firstlight.plugins import PluginRules, load_plugins
from firstlight.settings import Settings, init_home
from firstlight.store import open_store
from firstlight.training import TrainOptions, fit_product
from firstlight.training.exporting import export_product
from firstlight.training.metrics import interval
from firstlight.training.problems import distinct

TARGET_USERS = (20, 50, 100)
ASKED_FROM = 200
CARRIED = ("popularity", "transfer", "fusion")
STRATEGIES = ("transferred", "scratch", "popularity", "transfer alone", "transfer from scratch")
TRANSFER = "firstlight_plugins.transfer"


def movielens(home: Path) -> Dataset:
    """All of MovieLens 100K, imported into ``home`` once."""
    store = open_store(init_home(home))
    try:
        if "default" not in store.list_catalogs():
            files = movielens_100k(home / "cache")
            import_files(
                store,
                "default",
                interactions=files.interactions,
                items=files.items,
                users=files.users,
                reject_dir=home / "rejects",
            )
        return store.load_dataset("default")
    finally:
        store.close()


def of_source(dataset: Dataset, split: str) -> NDArray[np.bool_]:
    """bool (N,): the films of the source."""
    if split == "year":
        return np.array([int(item.get("year", 1)) % 2 == 0 for item in dataset.item_attributes])  # type: ignore[arg-type]
    return np.array(["Drama" in item.get("genres", ()) for item in dataset.item_attributes])  # type: ignore[operator]


def catalogue(dataset: Dataset, users: NDArray[np.int64], kept: NDArray[np.bool_]) -> Dataset:
    """Only these ``users``, and only the items where ``kept`` (N,) is true, at new positions."""
    part = dataset.select_users(np.sort(users))
    histories = part.histories.keep(kept[part.histories.items])
    places = (np.cumsum(kept) - 1).astype(np.int32)
    rows = np.flatnonzero(kept)
    return replace(
        part,
        item_ids=tuple(part.item_ids[n] for n in rows),
        item_attributes=tuple(part.item_attributes[n] for n in rows),
        histories=replace(histories, items=places[histories.items]),
    )


def cases(training: Dataset, asked: Dataset) -> list[Case]:
    """The new-user protocol for ``asked``, users that ``training`` does not hold."""
    histories = asked.histories
    seen = training.counts() > 0
    late = histories.ranks() >= POOL
    wanted = late & histories.positive(asked.schema.positive_value) & seen[histories.items]
    targets = distinct(histories.keep(wanted), histories.keep(~late))
    rows = np.flatnonzero(targets.lengths)
    attributes = [asked.user_attributes[row] for row in rows]

    def shown(k: int) -> Histories:
        return histories.oldest(k).take(rows)

    return [Case(NEW_USER, k, rows, attributes, shown(k), targets.take(rows)) for k in SHOWN]


def one_draw(dataset: Dataset, split: str, seed: int, settings: Settings) -> dict[str, NDArray[np.float64]]:
    """NDCG@10 by ``"users k strategy"``, a value a user asked."""
    here = of_source(dataset, split)
    users = np.random.default_rng(seed).permutation(len(dataset.user_ids))
    half = len(users) // 2
    source = catalogue(dataset, users[:half], here)
    asked = catalogue(dataset, users[half + ASKED_FROM :], ~here)
    every = load_plugins(settings.plugin_rules)
    others = tuple(sorted(set(every.registrations) - set(CARRIED)))
    few = load_plugins(PluginRules(explicit=settings.load_plugins, block=(*settings.disable_plugins, *others)))
    options = TrainOptions(seed=seed, device="cpu")
    found: dict[str, NDArray[np.float64]] = {}
    with tempfile.TemporaryDirectory() as folder:
        carried = fit_product(source, few, settings, options, catalog_id="source")
        bundle = export_product(carried, source, Path(folder), catalog_id="source", bundle_id="source", plugins=few)
        for size in TARGET_USERS:
            training = catalogue(dataset, users[half : half + size], ~here)
            scratch = fit_product(training, every, settings, options, catalog_id="target")
            with_source = replace(options, source=bundle)
            transferred = fit_product(training, every, settings, with_source, catalog_id="target")
            for case in cases(training, asked):
                alone, lent = (measure(case, product, training) for product in (scratch, transferred))
                values = (
                    lent["fusion"],
                    alone["fusion"],
                    alone["popularity"],
                    lent["transfer"],
                    alone["transfer"],
                )
                for strategy, one in zip(STRATEGIES, values, strict=True):
                    found[f"{size} {case.shown} {strategy}"] = one.ndcg
    return found


def table(draws: list[dict[str, NDArray[np.float64]]], split: str) -> list[str]:
    """Markdown: means over users of all draws, ratios, and the interval of the paired difference."""
    lines = [
        f"### Split by {split}, {len(draws)} draws",
        "",
        f"| target users | k | {' | '.join(STRATEGIES)} | transferred / scratch | difference, 95 % |",
        "|" + "---|" * (4 + len(STRATEGIES)),
    ]
    for size in TARGET_USERS:
        for k in SHOWN:
            values = {s: np.concatenate([d[f"{size} {k} {s}"] for d in draws]) for s in STRATEGIES}
            means = [float(values[s].mean()) for s in STRATEGIES]
            difference = values["transferred"] - values["scratch"]
            low, high = interval(difference, np.arange(len(difference)))
            cells = " | ".join(f"{mean:.3f}" for mean in means)
            ratio = means[0] / max(means[1], 1e-9)
            lines.append(f"| {size} | {k} | {cells} | {ratio:.3f} | {low:+.3f} to {high:+.3f} |")
    return [*lines, ""]


def plot(draws: list[dict[str, NDArray[np.float64]]], file: Path) -> None:
    """NDCG@10 over k, one panel a number of target users."""
    import matplotlib as mpl  # noqa: PLC0415  # only plotting needs it

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, panels = plt.subplots(1, len(TARGET_USERS), figsize=(11, 3.4), sharey=True)
    for panel, size in zip(panels, TARGET_USERS, strict=True):
        for strategy in STRATEGIES[:4]:
            means = [float(np.concatenate([d[f"{size} {k} {strategy}"] for d in draws]).mean()) for k in SHOWN]
            panel.plot(SHOWN, means, marker="o", label=strategy)
        panel.set_title(f"{size} target users")
        panel.set_xlabel("interactions shown")
    panels[0].set_ylabel("NDCG@10")
    panels[0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def main() -> None:
    """Draw, train, ask, and write the results beside this file."""
    parser = argparse.ArgumentParser(description="What a body carried from another catalogue is worth.")
    parser.add_argument("--home", type=Path, default=Path(".cache/bench-home"))
    parser.add_argument("--seeds", type=int, default=3, help="how many draws")
    parser.add_argument("--first-seed", type=int, default=10, help="of the first draw")
    parser.add_argument("--split", choices=("year", "genre"), default="year")
    arguments = parser.parse_args()
    start = time.monotonic()
    dataset = movielens(arguments.home)
    settings = Settings.load(arguments.home)
    if "transfer" not in load_plugins(settings.plugin_rules).registrations:
        settings = settings.model_copy(update={"load_plugins": (*settings.load_plugins, TRANSFER)})
    draws = []
    for n in range(arguments.seeds):
        draws.append(one_draw(dataset, arguments.split, arguments.first_seed + n, settings))
        print(f"draw {n + 1}/{arguments.seeds} after {time.monotonic() - start:.0f} s", flush=True)
        print("\n".join(table(draws, arguments.split)), flush=True)
    here = Path(__file__).parent
    seconds = time.monotonic() - start
    lines = [
        "# Transfer between two catalogues",
        "",
        "Written by `make bench-transfer`; what is compared is said at the top of `run.py`. NDCG@10, new users of the",
        "target, films of the target that its training users met.",
        "",
        *table(draws, arguments.split),
        f"{seconds:.0f} s on {os.cpu_count()} cores, one thread.",
        "",
        f"![NDCG@10 over k]({arguments.split}.png)",
        "",
    ]
    (here / "RESULTS.md").write_text("\n".join(lines), encoding="utf-8")
    plot(draws, here / f"{arguments.split}.png")
    print(json.dumps({"seconds": round(seconds), "results": str(here / "RESULTS.md")}))


if __name__ == "__main__":
    main()

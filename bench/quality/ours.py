"""The product's part of the run: one training a fold, asked through the model that serves; each fold cached."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache as cache_once
from importlib.metadata import version
from pathlib import Path

from asking import Answer
from cache import Answers, Cache, code, content, digest

import firstlight
import firstlight_plugins
from firstlight.evaluation.measuring import PLAIN, measure
from firstlight.evaluation.protocols import Split
from firstlight.plugins import Plugins
from firstlight.settings import Settings
from firstlight.training import TrainOptions, fit_product

LEFT_OUT = ("server", "client", "cli", "v1", "store", "testing", "datasets")
"""Parts of the engine that no figure depends on: the data themselves are in the fold's hash."""
PACKAGES = ("numpy", "scipy", "torch")
Log = Callable[[str], None]


@cache_once
def code_hash() -> str:
    """Of the engine and of the built-in plugins."""
    engine = Path(firstlight.__file__).parent
    kept = [path for path in sorted(engine.iterdir()) if path.name not in (*LEFT_OUT, "__pycache__")]
    return digest(
        code(*[p for p in kept if p.is_dir() or p.suffix == ".py"], Path(firstlight_plugins.__file__).parent),
        [version(package) for package in PACKAGES],
    )


def answer(
    split: Split, plugins: Plugins, settings: Settings, options: TrainOptions, *, cache: Cache, log: Log
) -> tuple[Answers, float]:
    """The answers of the fusion and of every component in one fold, and the seconds its training took."""
    key = digest(code_hash(), content(split), options.preset, options.seed, sorted(plugins.registrations))
    name = f"ours-{split.protocol}-{split.fold}-{key}"
    found = cache.read(name)
    if found is None:
        start = time.monotonic()
        product = fit_product(split.training, plugins, settings, options)
        seconds = time.monotonic() - start
        answers = {}
        for number, case in enumerate(split.cases):
            if not len(case.users):
                continue
            for strategy, m in measure(case, product, split.training).items():
                if strategy != PLAIN:
                    answers[number, strategy] = Answer(m.users, m.ndcg, m.recall, m.new_share, m.target_share)
        found = answers, {"seconds": seconds}
        cache.write(name, *found)
        log(f"{split.protocol} {split.fold + 1}: trained in {seconds:.0f} s")
    return found[0], found[1]["seconds"]

"""The peers' part of the run: tune once, fit every fold, ask; each piece cached."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache as cache_once, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from asking import ask, mean
from cache import Answers, Cache, code, content, digest
from peers import PEERS, Entry, Part
from threadpoolctl import threadpool_limits
from tuning import Choice, Choices, choose, chosen_for, inner_splits

import firstlight
from firstlight.domain import Dataset, Histories
from firstlight.evaluation.protocols import Case, Split
from firstlight.training.metrics import ndcg, recall, top_lists

HERE = Path(__file__).parent
ENGINE = Path(firstlight.__file__).parent
PACKAGES = ("lightfm-next", "implicit", "numpy", "scipy")
Log = Callable[[str], None]


@cache_once
def code_hash() -> str:
    """Of all that a peer's figures depend on beside the data."""
    own = [HERE / name for name in ("asking.py", "tuning.py", "competing.py", "peers")]
    measures = [inspect.getsource(function) for function in (top_lists, Histories.holding, ndcg, recall)]
    return digest(code(*own, ENGINE / "features"), measures, [version(package) for package in PACKAGES])


@dataclass(frozen=True)
class Tuned:
    """A peer's choices in one protocol, by slice and interactions shown."""

    entry: Entry
    choices: Choices


class Folds:
    """The splits of one protocol, and what peers read of them, made when it is first needed."""

    def __init__(self, dataset: Dataset, protocol: str, splits: Sequence[Split], seed: int) -> None:
        self.dataset, self.protocol, self.splits, self.seed = dataset, protocol, splits, seed
        self.names = [content(split) for split in splits]
        self._parts: dict[int, Part] = {}

    def part(self, fold: int) -> Part:
        """What a fold may learn from; only the last one asked for is kept."""
        if fold not in self._parts:
            self._parts = {fold: Part(self.splits[fold].training)}
        return self._parts[fold]

    @cached_property
    def inner(self) -> list[Any]:
        """The inner splits of the first fold."""
        return inner_splits(self.splits[0].training, self.protocol, 5, self.seed)

    def entries(self) -> list[Entry]:
        """Peers that compete in any case of this protocol."""
        cases = self.splits[0].cases
        return [e for e in PEERS if any(self.competes(e, case) for case in cases)]

    def competes(self, entry: Entry, case: Case) -> bool:
        """Whether ``entry`` answers ``case``."""
        return entry.competes(case.slice_name, case.shown, len(self.dataset.item_ids)) and len(case.users) > 0


def tune(folds: Folds, cache: Cache, log: Log) -> tuple[list[Tuned], float]:
    """The setting of every peer, and the seconds it took, also where it was cached."""
    done, seconds = [], 0.0
    for number, entry in enumerate(folds.entries()):
        settings = entry.grid(folds.part(0))
        if not settings:
            continue
        name = f"choice-{folds.protocol}-{digest(code_hash(), folds.names[0], folds.seed, number)}"
        found = cache.read_json(name)
        if found is None:
            start = time.monotonic()
            with threadpool_limits(1):
                choices = choose(entry, settings, folds.splits[0], lambda: folds.inner)
            found = {
                "seconds": time.monotonic() - start,
                "choices": [[*key, dict(c.setting), c.ndcg, c.tried] for key, c in choices.items()],
            }
            cache.write_json(name, found)
            log(f"{folds.protocol}: {entry.name} tuned in {found['seconds']:.0f} s")
        choices = {(s, shown): Choice(setting, ndcg, tried) for s, shown, setting, ndcg, tried in found["choices"]}
        done.append(Tuned(entry, choices))
        seconds += found["seconds"]
    return done, seconds


def compete(folds: Folds, fold: int, tuned: Sequence[Tuned], cache: Cache, log: Log) -> tuple[Answers, float]:
    """Every peer's answers in one fold, and the seconds they took, also where they were cached."""
    answers: dict[Any, Any] = {}
    seconds = 0.0
    for number, one in enumerate(tuned):
        settings = [[*key, dict(c.setting)] for key, c in one.choices.items()]
        key = digest(code_hash(), folds.names[fold], folds.seed, number, one.entry.name, settings)
        name = f"peer-{folds.protocol}-{fold}-{key}"
        found = cache.read(name)
        if found is None:
            start = time.monotonic()
            with threadpool_limits(1):
                made = _answers(folds, fold, one)
            found = made, {"seconds": time.monotonic() - start}
            cache.write(name, *found)
            log(f"{folds.protocol} {fold + 1}/{len(folds.splits)}: {one.entry.name} in {found[1]['seconds']:.0f} s")
        answers |= found[0]
        seconds += found[1]["seconds"]
    return answers, seconds


def _answers(folds: Folds, fold: int, tuned: Tuned) -> Answers:
    part, entry = folds.part(fold), tuned.entry
    fits: dict[str, list[Any]] = {}
    answers = {}
    for number, case in enumerate(folds.splits[fold].cases):
        choice = chosen_for(entry, tuned.choices, case)
        if choice is None or not folds.competes(entry, case):
            continue
        name = repr(choice.setting)
        if name not in fits:
            fits[name] = [entry.make(**choice.setting) for _ in range(entry.seeds)]
            for seed, peer in enumerate(fits[name]):
                peer.fit(part, seed)
        asked = part.asked(case, [folds.dataset.user_ids[user] for user in case.users])
        answers[number, entry.name] = mean([ask(peer, case, asked, part) for peer in fits[name]])
    return answers

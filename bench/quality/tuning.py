"""Each peer's setting, chosen on the training part of the first fold alone, by the protocol itself played inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from asking import ask
from peers import Entry, Part, Setting

from firstlight.domain import Dataset
from firstlight.evaluation import protocols
from firstlight.evaluation.protocols import Case, Split

Key = tuple[str, int | None]
"""A slice and the interactions shown."""

INNER_SEED = 1_000
"""Apart from the outer seeds, so that inner folds are dealt anew."""


@dataclass(frozen=True)
class Choice:
    """``setting``: the best of ``tried`` settings; ``ndcg``: its mean on the inner folds, 0 where one was tried."""

    setting: Setting
    ndcg: float
    tried: int


Choices = Mapping[Key, Choice]


@dataclass(frozen=True)
class Inner:
    """An inner split ready to be asked; its cases name rows of ``user_ids``, those of the outer training part."""

    split: Split
    part: Part
    user_ids: Sequence[str]


def inner_splits(training: Dataset, protocol: str, folds: int, seed: int) -> list[Inner]:
    """The first ``folds`` splits of ``protocol`` played inside ``training``, which is in time order already."""
    match protocol:
        case protocols.NEW_USER:
            found = [protocols.new_user(training, fold, seed + INNER_SEED) for fold in range(folds)]
        case protocols.NEW_ITEM:
            found = [protocols.new_item(training, fold, seed + INNER_SEED) for fold in range(folds)]
        case _:
            found = [protocols.warm(training)]
    return [Inner(split, Part(split.training), training.user_ids) for split in found]


def choose(entry: Entry, settings: Sequence[Setting], split: Split, inner: Callable[[], Sequence[Inner]]) -> Choices:
    """The best of ``settings`` for every case of ``split`` the peer competes in.

    By mean NDCG@10 over the users of the inner folds, which are made where there is something to choose.
    """
    items = len(split.training.item_ids)
    keys = {_key(entry, case): None for case in split.cases if entry.competes(case.slice_name, case.shown, items)}
    found: dict[Key, list[list[np.ndarray]]] = {key: [[] for _ in settings] for key in keys}
    for fold in inner()[: entry.inner] if len(settings) > 1 else ():
        cases = [case for case in fold.split.cases if _key(entry, case) in keys and len(case.users)]
        cases = [case for case in cases if entry.competes(case.slice_name, case.shown, items)]
        asked = [fold.part.asked(case, [fold.user_ids[user] for user in case.users]) for case in cases]
        for n, setting in enumerate(settings):
            peer = entry.make(**setting)
            peer.fit(fold.part, 0)
            for case, queries in zip(cases, asked, strict=True):
                found[_key(entry, case)][n].append(ask(peer, case, queries, fold.part).ndcg)
    chosen = {}
    for key, by_setting in found.items():
        means = [float(np.concatenate(each).mean()) if each else 0.0 for each in by_setting]
        best = int(np.argmax(means))
        chosen[key] = Choice(settings[best], means[best], len(settings))
    return chosen


def _key(entry: Entry, case: Case) -> Key:
    return case.slice_name, None if entry.blind else case.shown


def chosen_for(entry: Entry, choices: Choices, case: Case) -> Choice | None:
    """What :func:`choose` chose for a case, None where the peer does not compete."""
    return choices.get(_key(entry, case))

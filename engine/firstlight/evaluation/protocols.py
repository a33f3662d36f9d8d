"""What is held out of training, and what is asked afterwards. Ranking is always of everything, never of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Attributes, Dataset, Histories
from firstlight.learning.heldout import POOL
from firstlight.training.problems import distinct, earlier, in_time_order, latest

FOLDS = 5
SHOWN = (0, 1, 3, 5, 10)
SHOWN_NEW_ITEM = (0, 10)
NEW_USER, NEW_ITEM, WARM = "new-user", "new-item", "warm"
PROTOCOLS = (NEW_USER, NEW_ITEM, WARM)


@dataclass(frozen=True, slots=True)
class Case:
    """B questions of one kind.

    ``slice_name`` such as ``new-user``; ``shown``: interactions in each query, None where it varies. ``users`` int64
    (B,): rows of the whole dataset; ``attributes`` (B,) and ``histories`` (B rows) are what the query carries;
    ``targets`` (B rows) what is to be found. ``only`` int32: the items to rank, None = the whole catalogue.
    ``new`` bool (N,): items held out.
    """

    slice_name: str
    shown: int | None
    users: NDArray[np.int64]
    attributes: Sequence[Attributes]
    histories: Histories
    targets: Histories
    only: NDArray[np.int32] | None = None
    new: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """``training``: all that a fold may learn from; ``cases``: what is asked of it."""

    protocol: str
    fold: int
    training: Dataset
    cases: tuple[Case, ...]


def deal_folds(size: int, seed: int) -> NDArray[np.int64]:
    """int64 (size,): the fold of each of ``size`` things, dealt by a seeded permutation."""
    folds = np.empty(size, np.int64)
    folds[np.random.default_rng(seed).permutation(size)] = np.arange(size) % FOLDS
    return folds


def splits(dataset: Dataset, protocol: str, *, folds: int, seed: int) -> list[Split]:
    """The first ``folds`` of the five splits of ``protocol``; ``warm`` has one."""
    dataset = in_time_order(dataset, seed)
    match protocol:
        case "new-user":
            return [new_user(dataset, fold, seed) for fold in range(folds)]
        case "new-item":
            return [new_item(dataset, fold, seed) for fold in range(folds)]
        case "warm":
            return [warm(dataset)]
    raise ValueError(f"unknown protocol {protocol!r}")


def new_user(dataset: Dataset, fold: int, seed: int) -> Split:
    """A fifth of the users is absent from training.

    The first 10 interactions of each are the pool of history; a query carries the profile and the first k of them.
    Targets are the positives after the first 10, on items seen in training: the same for all k.
    """
    held = np.flatnonzero(deal_folds(len(dataset.user_ids), seed) == fold)
    training = dataset.select_users(np.setdiff1d(np.arange(len(dataset.user_ids)), held))
    seen = training.counts() > 0
    histories = dataset.histories.take(held)
    pool = histories.ranks() < POOL
    target = ~pool & histories.positive(dataset.schema.positive_value) & seen[histories.items]
    targets = distinct(histories.keep(target), histories.keep(pool))
    cases = [_case(NEW_USER, k, dataset, held, histories=histories.oldest(k), targets=targets) for k in SHOWN]
    return Split(NEW_USER, fold, training, tuple(cases))


def new_item(dataset: Dataset, fold: int, seed: int) -> Split:
    """A fifth of the items has no interaction in training, only attributes; one fit serves four questions.

    It also loses the last 10 % of each user's interactions with the other items, and a fifth of the users. *New item*:
    training users with a positive among the held-out items, those alone ranked. *Overall*: the whole catalogue less
    the user's training items, against both kinds of positives. *New user × new item*: users held out too, by profile
    and k interactions with items that training saw, held-out items alone ranked.
    """
    hidden = deal_folds(len(dataset.item_ids), seed + 1) == fold
    held = np.flatnonzero(deal_folds(len(dataset.user_ids), seed) == fold)
    kept = np.setdiff1d(np.arange(len(dataset.user_ids)), held)
    whole, positive_value = dataset.histories.take(kept), dataset.schema.positive_value
    warm = whole.keep(~hidden[whole.items])
    late = latest(warm, 10, round_up=True)
    training = replace(dataset.select_users(kept), histories=warm.keep(~late))
    seen = training.counts() > 0
    items = np.flatnonzero(hidden).astype(np.int32)

    positive = whole.positive(positive_value)
    fresh = distinct(whole.keep(positive & hidden[whole.items]), training.histories)
    last = warm.keep(late & warm.positive(positive_value) & seen[warm.items])
    both = _merged(fresh, distinct(last, training.histories))
    cases = [
        _case(NEW_ITEM, None, dataset, kept, histories=training.histories, targets=fresh, only=items, new=hidden),
        _case(f"{NEW_ITEM} overall", None, dataset, kept, histories=training.histories, targets=both, new=hidden),
    ]
    strangers = dataset.histories.take(held)
    visible = ~hidden[strangers.items]
    wanted = strangers.keep(strangers.positive(positive_value) & ~visible).distinct()
    for k in SHOWN_NEW_ITEM:
        shown = strangers.keep(visible & (earlier(strangers, visible) < k))
        cases.append(
            _case(f"{NEW_USER} × {NEW_ITEM}", k, dataset, held, histories=shown, targets=wanted, only=items, new=hidden)
        )
    return Split(NEW_ITEM, fold, training, tuple(cases))


def warm(dataset: Dataset) -> Split:
    """The last 20 % of each user's interactions are held out; their positives are targets, seen items excluded."""
    histories = dataset.histories
    late = latest(histories, 5, round_up=True)
    training = replace(dataset, histories=histories.keep(~late))
    targets = histories.keep(late & histories.positive(dataset.schema.positive_value))
    everyone = np.arange(len(dataset.user_ids))
    case = _case(
        WARM, None, dataset, everyone, histories=training.histories, targets=distinct(targets, training.histories)
    )
    return Split(WARM, 0, training, (case,))


def _case(
    name: str,
    shown: int | None,
    dataset: Dataset,
    users: NDArray[np.int64],
    *,
    histories: Histories,
    targets: Histories,
    only: NDArray[np.int32] | None = None,
    new: NDArray[np.bool_] | None = None,
) -> Case:
    """The case without users who have nothing to find."""
    rows = np.flatnonzero(targets.lengths)
    attributes = [dataset.user_attributes[user] for user in users[rows]]
    return Case(name, shown, users[rows], attributes, histories.take(rows), targets.take(rows), only, new)


def _merged(first: Histories, second: Histories) -> Histories:
    """Entries of both, row by row."""
    return Histories.from_events(
        np.concatenate([first.rows, second.rows]),
        np.concatenate([first.items, second.items]),
        np.concatenate([first.values, second.values]),
        np.concatenate([first.types, second.types]),
        np.concatenate([first.times, second.times]),
        size=len(first),
    )

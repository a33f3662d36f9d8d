"""Two tastes, planted: even users like items 0–9 and dislike one of 10–19, odd users the other way round.

Items 20 and 21 have content alone.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from firstlight import (
    Candidates,
    Dataset,
    FitOptions,
    Histories,
    ItemTable,
    Queries,
    Reason,
    ReasonCode,
    Schema,
    Scores,
    TrainingData,
)
from firstlight_plugins.sequence import Sequence, SequenceConfig

TASTE = 10
USERS = 120


class FlatPrior:
    """All items alike, but for the profile column, which lifts item 0."""

    def __init__(self, items):
        self.items = items

    def offsets(self, profiles):
        lift = np.zeros((len(profiles), self.items.base_size), np.float32)
        lift[:, 0] = profiles[:, 0]
        return lift

    def score(self, queries, positions):
        values = np.where(positions == 0, queries.profiles[:, :1], 0).astype(np.float32)
        return Scores(values, positions >= 0)

    def generate(self, queries, limit):
        return Candidates.best(self.offsets(queries.profiles), limit)

    def explain(self, queries, positions):
        return [[Reason(ReasonCode.POPULAR) if p >= 0 else None for p in row] for row in positions]


def planted(*, values=True, times=True, users=USERS):
    rng = np.random.default_rng(0)
    items, ratings = [], []
    for user in range(users):
        liked = list(rng.permutation(TASTE)[:6] + TASTE * (user % 2))
        place = int(rng.integers(0, 4))
        disliked = int(rng.integers(TASTE)) + TASTE * (1 - user % 2)
        items.append(liked if not values else [*liked[:place], disliked, *liked[place:]])
        ratings.append([1.0 if item == disliked else 5.0 for item in items[-1]])
    stamps = [[10**6 * (n + 1) for n in range(len(row))] for row in items] if times else None
    histories = Histories.from_rows(items, ratings if values else None, times=stamps)
    content = np.zeros((2 * TASTE + 2, 2), np.float32)
    content[:TASTE, 0] = content[TASTE : 2 * TASTE, 1] = content[20, 0] = content[21, 1] = 1
    count = len(content)
    dataset = Dataset(
        Schema(has_values=values, has_times=times),
        tuple(map(str, range(users))),
        tuple(map(str, range(count))),
        ({},) * users,
        ({},) * count,
        histories,
    )
    profiles = np.tile(np.array([[1, 0]], np.float32), (users, 1))
    table = ItemTable(content, dataset.counts())
    names = ("kind=a", "kind=b")
    return TrainingData(
        dataset, profiles, ("group=x", "group=y"), ("group", "group"), table, names, np.arange(0, users, 6)
    )


def fit(data=None, *, seed=0, preset="small", progress=None, **config):
    data = data or planted()
    prior = FlatPrior(data.items)
    component = Sequence(SequenceConfig(**{"epochs": 8, "batch_size": 32, "learning_rate": 0.01, **config}))
    options = FitOptions(seed=seed, preset=preset, components={"popularity": prior})
    return SimpleNamespace(component=component, metrics=component.fit(data, options), data=data, prior=prior)


def ask(histories, values=None):
    """Queries with these histories and no profile."""
    return Queries(np.zeros((len(histories), 2), np.float32), Histories.from_rows(histories, values))


def every(queries, items=22):
    return np.tile(np.arange(items, dtype=np.int32), (len(queries), 1))


@pytest.fixture(scope="package")
def toolkit():
    return SimpleNamespace(planted=planted, fit=fit, ask=ask, every=every, prior=FlatPrior)


@pytest.fixture(scope="package")
def fitted():
    return fit()

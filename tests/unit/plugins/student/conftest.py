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
from firstlight_plugins.student import Student, StudentSettings

TASTE = 10
USERS = 90


class Stub:
    """What a component has that nobody asks for here."""

    requires = ()

    def fit(self, data, options):
        return {}

    def export(self, directory):
        pass

    def load(self, directory, runtime):
        pass

    def explain(self, queries, positions):
        return [[Reason(ReasonCode.POPULAR) if p >= 0 else None for p in row] for row in positions]


class FlatPrior(Stub):
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


class Oracle(Stub):
    """Knows the tastes: an item of the taste of the first history item is 1, of the other 0; nothing without history.

    It has states, one number: which taste it is. ``asked``: how many queries it has been asked about.
    """

    def __init__(self):
        self.asked, self.fits = 0, 0

    def fit(self, data, options):
        self.fits += 1
        return {}

    def states(self, queries):
        return (self._taste(queries)[:, None]).astype(np.float32)

    def score(self, queries, positions):
        self.asked += len(queries)
        taste = self._taste(queries)[:, None]
        known = (positions >= 0) & (positions < 2 * TASTE) & (taste != 0)
        same = np.where(positions < TASTE, 1, -1) == taste
        return Scores((same & known).astype(np.float32), known)

    def generate(self, queries, limit):
        positions = np.broadcast_to(np.arange(2 * TASTE, dtype=np.int32), (len(queries), 2 * TASTE))
        values = np.where(self.score(queries, positions).values > 0, 1.0, -np.inf).astype(np.float32)
        return Candidates.best(values, limit)

    def _taste(self, queries):
        histories = queries.histories
        liked = histories.keep(histories.positive(4.0))
        total = np.zeros(len(queries))
        np.add.at(total, liked.rows, np.where(liked.items < TASTE, 1, -1))
        return np.sign(total)


def planted(*, values=True, times=True, users=USERS, types=1):
    rng = np.random.default_rng(0)
    items, ratings = [], []
    for user in range(users):
        liked = list(rng.permutation(TASTE)[:6] + TASTE * (user % 2))
        place = int(rng.integers(0, 4))
        disliked = int(rng.integers(TASTE)) + TASTE * (1 - user % 2)
        items.append(liked if not values else [*liked[:place], disliked, *liked[place:]])
        ratings.append([1.0 if item == disliked else 5.0 for item in items[-1]])
    stamps = [[10**6 * (n + 1) for n in range(len(row))] for row in items] if times else None
    kinds = [[n % types for n in range(len(row))] for row in items]
    histories = Histories.from_rows(items, ratings if values else None, kinds, times=stamps)
    content = np.zeros((2 * TASTE + 2, 2), np.float32)
    content[:TASTE, 0] = content[TASTE : 2 * TASTE, 1] = content[20, 0] = content[21, 1] = 1
    count = len(content)
    dataset = Dataset(
        Schema(has_values=values, has_times=times, types=tuple(f"type-{n}" for n in range(types))),
        tuple(map(str, range(users))),
        tuple(map(str, range(count))),
        ({},) * users,
        ({},) * count,
        histories,
    )
    profiles = np.tile(np.array([[1, 0]], np.float32), (users, 1))
    table = ItemTable(content, dataset.counts())
    names = ("kind=a", "kind=b")
    validation = np.flatnonzero(np.arange(users) % 12 < 2)
    return TrainingData(dataset, profiles, ("group=x", "group=y"), ("group", "group"), table, names, validation)


def fit(data=None, *, seed=0, **settings):
    data = data or planted()
    prior, oracle = FlatPrior(data.items), Oracle()
    component = Student(StudentSettings(**{"teachers": ("oracle",), "epochs": 20, "batch_size": 32, **settings}))
    options = FitOptions(seed=seed, components={"popularity": prior, "oracle": oracle})
    metrics = component.fit(data, options)
    return SimpleNamespace(component=component, metrics=metrics, data=data, prior=prior, oracle=oracle)


def ask(histories, values=None):
    """Queries with these histories and no profile."""
    return Queries(np.zeros((len(histories), 2), np.float32), Histories.from_rows(histories, values))


def every(queries, items=22):
    return np.tile(np.arange(items, dtype=np.int32), (len(queries), 1))


@pytest.fixture(scope="package")
def toolkit():
    return SimpleNamespace(stub=Stub, planted=planted, fit=fit, ask=ask, every=every, prior=FlatPrior, oracle=Oracle)


@pytest.fixture(scope="package")
def fitted():
    return fit()

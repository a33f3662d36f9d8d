"""A tiny catalogue whose right answers are known: two tastes, told apart by a profile attribute and by a genre."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from firstlight.domain import Attribute, Attributes, Dataset, Histories, Kind, Schema, TrainingData
from firstlight.features import FeatureEncoders, training_data

USERS = 80
ITEMS = 24
CALM_ITEMS = range(0, ITEMS, 2)
"""Positions of genre ``calm``: what users with ``taste=calm`` like."""
LOUD_ITEMS = range(1, ITEMS, 2)
"""Positions of genre ``loud``: what users with ``taste=loud`` like."""
UNSEEN_ITEMS = (ITEMS - 2, ITEMS - 1)
"""One calm and one loud item that nobody has interacted with."""

SCHEMA = Schema(
    users=(
        Attribute("taste", Kind.CATEGORICAL),
        Attribute("age", Kind.NUMERIC),
        Attribute("postcode", Kind.ID),
    ),
    items=(
        Attribute("genres", Kind.MULTI, "|"),
        Attribute("title", Kind.TEXT),
        Attribute("added", Kind.TIMESTAMP),
    ),
    has_values=True,
    has_times=True,
)


@dataclass(frozen=True, slots=True)
class TinyCatalogue:
    """:func:`tiny_dataset` and what is right about it: who has ``taste=calm`` likes ``calm`` items, loud ones alike.

    Nobody has interacted with ``unseen`` items, one of each taste.
    """

    dataset: Dataset
    calm: frozenset[str]
    loud: frozenset[str]
    unseen: frozenset[str]

    @classmethod
    def make(cls, seed: int = 0) -> TinyCatalogue:
        """The catalogue that ``seed`` gives; who likes what does not depend on it."""
        dataset = tiny_dataset(seed)

        def ids(positions: Iterable[int]) -> frozenset[str]:
            return frozenset(dataset.item_ids[n] for n in positions)

        return cls(dataset, ids(CALM_ITEMS), ids(LOUD_ITEMS), ids(UNSEEN_ITEMS))

    def liked_by(self, taste: str) -> frozenset[str]:
        """The right answers for a user with ``taste``: calm or loud."""
        return {"calm": self.calm, "loud": self.loud}[taste]

    def share(self, taste: str, item_ids: Iterable[str]) -> float:
        """The share of ``item_ids`` that is right for ``taste``; 0 for none."""
        shown = list(item_ids)
        return sum(item_id in self.liked_by(taste) for item_id in shown) / max(1, len(shown))


def tiny_dataset(seed: int = 0) -> Dataset:
    """80 users and 24 items. Each user gave 5 to 8 of the 11 seen items of the own taste, and 1 to 2 of the other."""
    generator = np.random.default_rng(seed)
    rows: list[list[int]] = []
    values: list[list[float]] = []
    for user in range(USERS):
        seen = [n for n in range(ITEMS) if n not in UNSEEN_ITEMS]
        own, other = ([n for n in seen if n % 2 == taste] for taste in (user % 2, 1 - user % 2))
        liked = generator.choice(own, 8, replace=False).tolist()
        disliked = generator.choice(other, 2, replace=False).tolist()
        given = generator.permutation([(n, 5.0) for n in liked] + [(n, 1.0) for n in disliked])
        rows.append([int(n) for n, _ in given])
        values.append([float(v) for _, v in given])
    times = [[1_000_000 * (user + 1) + n for n in range(len(row))] for user, row in enumerate(rows)]
    return Dataset(
        schema=SCHEMA,
        user_ids=tuple(f"user-{n}" for n in range(USERS)),
        item_ids=tuple(f"item-{n:02}" for n in range(ITEMS)),
        user_attributes=tuple(_user(n, int(generator.integers(18, 70))) for n in range(USERS)),
        item_attributes=tuple(_item(n) for n in range(ITEMS)),
        histories=Histories.from_rows(rows, values, times=times),
    )


def tiny_training_data(seed: int = 0) -> TrainingData:
    """:func:`tiny_dataset` as feature rows; every fourth user validates."""
    dataset = tiny_dataset(seed)
    encoders = FeatureEncoders.fit(dataset, seed=seed)
    validation = np.flatnonzero(np.arange(USERS) % 8 < 2).astype(np.int64)
    return training_data(dataset, encoders, validation=validation)


def _user(number: int, age: int) -> Attributes:
    return {"taste": ("calm", "loud")[number % 2], "age": float(age), "postcode": f"{number:05}"}


def _item(number: int) -> Attributes:
    genre = ("calm", "loud")[number % 2]
    return {
        "genres": (genre, "old" if number < ITEMS // 2 else "new"),
        "title": f"a {genre} work, number {number}",
        "added": datetime(2000 + number, 1, 1, tzinfo=UTC),
    }

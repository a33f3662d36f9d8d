"""Where users are on the whole, by how much is known about them: what a user's likes are compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from firstlight import Histories, Queries, TrainingData

SHOWN = (0, 1, 3, 10)
MOST_USERS = 2_000
"""Users the means are taken over, at most, evenly spaced."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Typical:
    """``states`` float32 (K, d): the mean of users' standardised states after ``shown`` float32 (K,) items, rising.

    All states have much in common, the more so the less is known. A like says little about an item by that part: it
    would carry the item to everybody, and to strangers most of all. So what is left of a state without it moves items.
    """

    ARRAYS: ClassVar[tuple[str, str]] = ("typical_shown", "typical_states")

    shown: Floats
    states: Floats

    @classmethod
    def of(cls, data: TrainingData, user_states: Callable[[Queries], Floats]) -> Typical:
        """Over training users: after their first 0, 1, 3 and 10 items, and after all of them."""
        rows = data.training[:: max(1, -(-len(data.training) // MOST_USERS))]
        whole = data.dataset.histories.take(rows)
        most = float(whole.distinct().lengths.mean()) if len(rows) else 0.0
        known: list[tuple[float, Histories]] = [(n, whole.oldest(n)) for n in SHOWN if n < most or not n]
        if most:
            known.append((most, whole))
        states = [user_states(Queries(data.profiles[rows], histories)) for _, histories in known]
        means = [found.mean(axis=0) if len(rows) else np.zeros(found.shape[1]) for found in states]
        return cls(np.array([n for n, _ in known], np.float32), np.array(means, np.float32))

    def at(self, counts: NDArray[np.integer]) -> Floats:
        """float32 (B, d): after ``counts`` (B,) items, linear in log(1 + n) between two of ``shown``."""
        places = np.interp(np.log1p(counts), np.log1p(self.shown), np.arange(len(self.shown)))
        near = np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(len(self.shown))))
        return np.asarray(near @ self.states, np.float32)

    def save(self, directory: Path) -> None:
        """One ``.npy`` an array."""
        for name, array in zip(self.ARRAYS, (self.shown, self.states), strict=True):
            np.save(directory / f"{name}.npy", array, allow_pickle=False)

    @classmethod
    def read(cls, directory: Path) -> Typical | None:
        """Inverse of :meth:`save`; None in a bundle from before there was such a thing."""
        files = [directory / f"{name}.npy" for name in cls.ARRAYS]
        if not all(file.is_file() for file in files):
            return None
        return cls(*(np.load(file, allow_pickle=False) for file in files))

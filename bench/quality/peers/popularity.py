"""Peers that know nothing of taste: popularity, by segment, and predicted from content."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from peers.part import Asked, Matrix, Part
from peers.ridge import predict

MAX_FIELDS = 8


class Random:
    """A fixed random order: what any number has to be seen against."""

    def fit(self, part: Part, seed: int) -> None:
        self._values = np.random.default_rng(seed).random(len(part.seen))

    def score(self, asked: Asked) -> Matrix:
        return np.broadcast_to(self._values, (len(asked), len(self._values)))


class Popularity:
    """Number of users who liked an item."""

    def fit(self, part: Part, seed: int) -> None:
        self._values = part.votes

    def score(self, asked: Asked) -> Matrix:
        return np.broadcast_to(self._values, (len(asked), len(self._values)))


class SegmentPopularity:
    """log p(i) + Σ over segmentations of the shrunk log-lift of the user's segment.

    ``segmentations``: tuples of profile attributes; users with the same values in all of them form a segment. The lift
    is log((votes of the segment for i + m p(i)) / (votes of the segment + m)) − log p(i), with ``strength`` m.
    """

    def __init__(self, segmentations: tuple[tuple[str, ...], ...], strength: float) -> None:
        self.segmentations, self.strength = segmentations, strength

    def fit(self, part: Part, seed: int) -> None:
        share = (part.votes + 0.5) / (part.votes + 0.5).sum()
        self._base = np.log(share)
        self._columns = [np.flatnonzero(np.isin(part.encoders.profile_fields, fields)) for fields in self.segmentations]
        self._lifts = [_lifts(part, columns, share, self.strength) for columns in self._columns]

    def score(self, asked: Asked) -> Matrix:
        out = np.tile(self._base, (len(asked), 1))
        for columns, (rows, lifts) in zip(self._columns, self._lifts, strict=True):
            for query, key in enumerate(_segments(asked.profiles, columns)):
                if key in rows:
                    out[query] += lifts[rows[key]]
        return out


def _lifts(
    part: Part, columns: NDArray[np.int64], share: NDArray[np.float64], strength: float
) -> tuple[dict[bytes, int], NDArray[np.float64]]:
    """The row of each segment, and the lifts (segments, N)."""
    keys = _segments(part.profiles, columns)
    rows = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    members = sparse.csr_matrix((np.ones(len(keys)), ([rows[key] for key in keys], np.arange(len(keys)))))
    votes = (members @ part.positives).toarray()
    mixed = (votes + strength * share) / (votes.sum(axis=1, keepdims=True) + strength)
    return rows, np.log(mixed) - np.log(share)


def segmentations(part: Part) -> list[tuple[tuple[str, ...], ...]]:
    """Each profile attribute alone, each pair jointly, and the sum of all alone; of the first 8 attributes."""
    fields = list(dict.fromkeys(part.encoders.profile_fields))[:MAX_FIELDS]
    alone = [((field,),) for field in fields]
    pairs = [(pair,) for pair in combinations(fields, 2)]
    return [*alone, *pairs, *([tuple((field,) for field in fields)] if len(fields) > 1 else [])]


def _segments(profiles: Matrix, columns: NDArray[np.int64]) -> list[bytes]:
    return [row.tobytes() for row in np.ascontiguousarray(profiles[:, columns])]


class ContentPopularity:
    """Popularity where an item was seen, else what a ridge on its attributes predicts of it.

    ``target``: what is predicted: the votes themselves, their root or their logarithm (of votes + 1). ``scale`` weighs
    the predictions.
    """

    def __init__(self, penalty: float, target: str, words: float, scale: float = 1.0) -> None:
        self.penalty, self.target, self.words, self.scale = penalty, target, words, scale

    def fit(self, part: Part, seed: int) -> None:
        change = {"votes": np.asarray, "root": np.sqrt, "log": np.log1p}[self.target]
        found = predict(part, change(part.votes)[:, None], penalty=self.penalty, words=self.words)[:, 0]
        self._values = np.where(part.seen, change(part.votes), self.scale * found)

    def score(self, asked: Asked) -> Matrix:
        return np.broadcast_to(self._values, (len(asked), len(self._values)))

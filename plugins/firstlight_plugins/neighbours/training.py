"""Learns the neighbour lists, and how much to shrink them, from who chose what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from firstlight import TrainingData
from firstlight.learning import held_out, ndcg, place_weights
from firstlight_plugins.neighbours.similarity import Lists, similar_items

SHRINKAGES = (20.0, 100.0)
DISLIKED_WEIGHTS = (0.3, 0.0)
SHOWN = 10
NEWEST = 500
"""Interactions of one user that count: co-occurrence is quadratic in them."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """Neighbours by those who liked an item and by those who disliked it, and the weight of the latter."""

    liked: Lists
    disliked: Lists
    weight: float
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Votes:
    """(U, N) each: ``chosen`` weighs what users went on to like, by place; the others hold 0 and 1."""

    liked: sparse.csr_array
    disliked: sparse.csr_array
    chosen: sparse.csr_array

    @classmethod
    def of(cls, data: TrainingData, rows: NDArray[np.int64]) -> _Votes:
        dataset = data.dataset.select_users(rows)
        recent = dataset.histories.ages() < NEWEST
        weights = place_weights(dataset.histories, ordered=dataset.schema.has_times)[recent]
        histories = dataset.histories.keep(recent)
        positive = histories.positive(dataset.schema.positive_value)
        shape = (len(histories), len(dataset.item_ids))

        def matrix(values: NDArray[np.generic]) -> sparse.csr_array:
            found = sparse.csr_array((values.astype(np.float32), histories.items, histories.offsets), shape, copy=True)
            found.eliminate_zeros()
            return found

        return cls(matrix(positive), matrix(~positive), matrix(positive * weights))


def learn(data: TrainingData, *, neighbours: int) -> Learnt:
    """Choose shrinkage and the weight of dislikes by NDCG of the validation users, then count all users."""
    votes = _Votes.of(data, data.training)
    problem = held_out(data, shown=SHOWN)
    histories = problem.queries.histories
    positive = histories.positive(data.dataset.schema.positive_value)
    shape = problem.relevant.shape

    def shown(mask: NDArray[np.bool_]) -> sparse.csr_array:
        kept = histories.keep(mask)
        return sparse.csr_array((np.ones(len(kept.items), np.float32), kept.items, kept.offsets), shape)

    best = (-1.0, SHRINKAGES[0], DISLIKED_WEIGHTS[0])
    tried = zip(SHRINKAGES, *_both(votes, SHRINKAGES, neighbours), strict=True)
    for shrinkage, liked, disliked in tried:
        by_liked, by_disliked = shown(positive) @ _matrix(liked), shown(~positive) @ _matrix(disliked)
        for weight in DISLIKED_WEIGHTS:
            quality = ndcg((by_liked + weight * by_disliked).toarray(), problem)
            best = max(best, (quality, shrinkage, weight), key=lambda found: found[0])
    quality, shrinkage, weight = best
    votes = _Votes.of(data, np.arange(len(data.dataset.user_ids)))
    (liked,), (disliked,) = _both(votes, (shrinkage,), neighbours)
    metrics = {"validation_ndcg": quality, "shrinkage": shrinkage, "disliked_weight": weight}
    return Learnt(liked, disliked, weight, metrics)


def _both(votes: _Votes, shrinkages: Sequence[float], neighbours: int) -> tuple[list[Lists], list[Lists]]:
    """By likes and by dislikes, one list a shrinkage."""
    liked = similar_items(votes.liked, votes.chosen, shrinkages=shrinkages, neighbours=neighbours)
    return liked, similar_items(votes.disliked, votes.chosen, shrinkages=shrinkages, neighbours=neighbours)


def _matrix(lists: Lists) -> sparse.csr_array:
    """(N, N): row j holds the similarities of j's neighbours."""
    size = len(lists.items)
    filled = lists.items >= 0
    offsets = np.concatenate([[0], np.cumsum(filled.sum(axis=1))])
    return sparse.csr_array((lists.values[filled], lists.items[filled], offsets), (size, size))

"""What users did with pairs of items, summed over users: all that the regression needs to know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from firstlight import Dataset, Histories
from firstlight.learning import place_weights

Square: TypeAlias = NDArray[np.float32] | sparse.csr_array
"""(N, N): an array for catalogues solved as a whole, else sparse."""

NEWEST = (500, 200, 100, 50, 20, 10)
"""Interactions of one user that count: pairs are quadratic in them. The first that gives at most ``PAIRS`` is taken."""
PAIRS = 100_000_000
WINDOW = 4
BLOCK = 2_000


@dataclass(frozen=True, slots=True)
class Pairs:
    """Row j, column i; x is 1 for what a user liked and less for the rest, y the place weight of what was liked.

    ``together`` = Σ x_j x_i; ``wanted`` = Σ x_j y_i; ``later`` the same over pairs where i came after j, and None
    without times; ``following`` csr: Σ x_j / distance over pairs where the user liked i at most ``WINDOW`` places
    after j.
    """

    together: Square
    wanted: Square
    later: Square | None
    following: sparse.csr_array

    @classmethod
    def of(cls, dataset: Dataset, *, disliked: float, dense: bool) -> Pairs:
        """Count ``dataset``, with x = ``disliked`` where a user did not like an item."""
        ordered, size = dataset.schema.has_times, len(dataset.item_ids)
        histories = dataset.histories.distinct()
        recent = histories.ages() < newest(histories.lengths)
        votes = place_weights(histories, ordered=ordered)[recent]
        histories = histories.keep(recent)
        liked = histories.positive(dataset.schema.positive_value)
        x, y = np.where(liked, 1.0, disliked), np.where(liked, votes, 0.0)

        def matrix(values: NDArray[np.float64], rows: NDArray[np.int64], mask: NDArray[np.bool_]) -> sparse.csr_array:
            mask = mask & (values != 0)
            entries = (values[mask].astype(np.float32), (rows[mask], histories.items[mask]))
            return sparse.csr_array(sparse.coo_array(entries, (int(rows.max(initial=-1)) + 1, size)))

        rows, everything = histories.rows, np.ones(len(x), bool)
        shown = matrix(x, rows, everything)
        halves = [(matrix(x, r, first), matrix(y, r, ~first)) for r, first in _halves(histories)] if ordered else []
        return cls(
            together=_summed([(shown, shown)], size, dense=dense),
            wanted=_summed([(shown, matrix(y, rows, everything))], size, dense=dense),
            later=_summed(halves, size, dense=dense) if ordered else None,
            following=_following(histories, x, liked, size) if ordered else sparse.csr_array((size, size)),
        )

    def mixed(self, later: float) -> Square:
        """Targets of the regression: ``wanted``, of which a share ``later`` counts only what came later, twice."""
        if self.later is None or later == 0:
            return self.wanted
        return (1 - later) * self.wanted + (2 * later) * self.later


def newest(lengths: NDArray[np.int64]) -> int:
    """How many of a user's interactions count, so that memory is bounded."""
    counts = [count for count in NEWEST if (np.minimum(lengths, count) ** 2).sum() <= PAIRS]
    return counts[0] if counts else NEWEST[-1]


def _halves(histories: Histories) -> Iterable[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Segments of histories, (n,), and whether an interaction is in the first half of its segment, (n,).

    Two interactions of a user, at places a < b, are in the first and the second half of one segment exactly once: at
    the highest bit where a and b differ. So ordered pairs are counted by products of matrices.
    """
    places = histories.ranks()
    for bit in range(int(places.max(initial=0)).bit_length()):
        segments = np.unique((histories.rows << 32) + (places >> (bit + 1)), return_inverse=True)[1]
        yield segments.astype(np.int64), (places >> bit) & 1 == 0


def _summed(products: Iterable[tuple[sparse.csr_array, sparse.csr_array]], size: int, *, dense: bool) -> Square:
    """Σ leftᵀ · right, (N, N)."""
    if not dense:
        out = sparse.csr_array((size, size), dtype=np.float32)
        for left, right in products:
            out = out + left.T @ right
        return sparse.csr_array(out)
    total = np.zeros((size, size), np.float32)
    for left, right in products:
        columns = left.T.tocsr()
        for start in range(0, size, BLOCK):
            total[start : start + BLOCK] += (columns[start : start + BLOCK] @ right).toarray()
    return total


def _following(histories: Histories, x: NDArray[np.float64], liked: NDArray[np.bool_], size: int) -> sparse.csr_array:
    rows, items = histories.rows, histories.items
    total = sparse.csr_array((size, size))
    for distance in range(1, WINDOW + 1):
        first = np.flatnonzero((rows[:-distance] == rows[distance:]) & liked[distance:])
        second = first + distance
        first, second = first[items[first] != items[second]], second[items[first] != items[second]]
        total = total + sparse.coo_array((x[first] / distance, (items[first], items[second])), (size, size))
    return sparse.csr_array(total, dtype=np.float32)

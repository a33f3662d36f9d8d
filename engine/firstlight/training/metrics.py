"""What a list of recommendations is worth, and how sure that is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Histories

NDCG_CUT = 10
RECALL_CUT = 20
RESAMPLES = 1000
"""Bootstrap samples of a 95 % interval."""
MAX_DRAWN = 1_000_000
"""Users drawn at once."""

Array = NDArray[np.float64]


def held_by(entries: Histories, sets: Histories) -> NDArray[np.bool_]:
    """bool (n,): whether the item of each of ``entries`` is also in its row of ``sets``."""
    width = 1 + max(int(entries.items.max(initial=0)), int(sets.items.max(initial=0)))
    return np.asarray(np.isin(entries.rows * width + entries.items, sets.rows * width + sets.items))


def top_lists(values: NDArray[np.floating], positions: NDArray[np.int32], limit: int) -> NDArray[np.int32]:
    """int32 (B, limit): ``positions`` (B, C) by falling ``values`` (B, C), ties by column; −inf is left out (−1)."""
    values, positions = np.atleast_2d(values), np.broadcast_to(positions, values.shape)
    order = np.argsort(-values, axis=1, kind="stable")[:, :limit]
    lists = np.take_along_axis(positions, order, axis=1)
    lists = np.where(np.isfinite(np.take_along_axis(values, order, axis=1)), lists, -1)
    return np.pad(lists, [(0, 0), (0, limit - lists.shape[1])], constant_values=-1).astype(np.int32)


def ndcg(hits: NDArray[np.bool_], relevant: NDArray[np.integer], *, cut: int = NDCG_CUT) -> Array:
    """NDCG@``cut`` (B,) with binary gains of lists with ``hits`` bool (B, L), best first.

    The ideal list holds min(cut, ``relevant``) hits; NaN where nothing is ``relevant`` (B,).
    """
    discounts = 1 / np.log2(np.arange(2, cut + 2))
    gained = hits[:, :cut] @ discounts[: hits.shape[1]]
    ideal = np.concatenate([[np.nan], np.cumsum(discounts)])[np.minimum(relevant, cut)]
    return np.asarray(gained / ideal)


def recall(hits: NDArray[np.bool_], relevant: NDArray[np.integer], *, cut: int = RECALL_CUT) -> Array:
    """Recall@``cut`` (B,): hits / min(cut, ``relevant``); NaN where nothing is ``relevant``."""
    possible = np.where(relevant > 0, np.minimum(relevant, cut), np.nan)
    return np.asarray(hits[:, :cut].sum(axis=1) / possible)


def interval(
    values: Array, users: NDArray[np.generic] | None = None, *, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """The bootstrap interval (percentile method) of the mean of ``values`` (n,) at ``level``, resampling users.

    ``users`` (n,) names whose value each is; without it every value is another user's. NaN without values. A higher
    ``level`` draws more samples, so that as many lie outside of the interval.
    """
    if not len(values):
        return float("nan"), float("nan")
    member = np.arange(len(values)) if users is None else np.unique(users, return_inverse=True)[1]
    sums, sizes = np.bincount(member, weights=values), np.bincount(member)
    rng = np.random.default_rng(seed)
    means = np.empty(round(RESAMPLES * 0.05 / (1 - level)))
    chunk = max(1, MAX_DRAWN // len(sums))
    for start in range(0, len(means), chunk):
        draws = rng.integers(0, len(sums), (min(chunk, len(means) - start), len(sums)))
        means[start : start + chunk] = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)

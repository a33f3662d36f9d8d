"""How popularity is learnt: counts, lifts of profile columns, and both from content for items nobody has seen.

An item's rate is a Gamma–Poisson estimate around what its content predicts; a profile column's lift is the maximum a
posteriori estimate of a Poisson model with a Gaussian prior, so that columns which say the same share one effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import gammaln

from firstlight import Dataset, TrainingData
from firstlight.learning import HeldOut, held_out, ndcg, place_weights

MAX_GROUPS = 20_000
MAX_CELLS = 50_000_000
WARMUPS = (5.0, 0.0)
PRECISIONS = (30.0, 100.0, 300.0)
RIDGES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
MAX_ITEMS = 4_000
FOLDS = 5
SHAPES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 16.0, 100.0)
FEW_USERS = 10
"""Validation users below which nothing is chosen by them."""
DAY_US = 86_400_000_000
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counting:
    """What counts as a vote, and how much: by its place in the user's history, and by age.

    ``half_life_days``: the age at which a vote weighs half; None = age does not matter.
    """

    positives_only: bool
    warmup: float
    half_life_days: float | None

    def weigh(self, dataset: Dataset) -> Array:
        """The weight of each interaction, (n,)."""
        histories = dataset.histories
        weights = place_weights(histories, ordered=dataset.schema.has_times, warmup=self.warmup)
        if self.positives_only:
            weights = weights * histories.positive(dataset.schema.positive_value)
        if self.half_life_days is not None and len(histories.times):
            weights = weights * 0.5 ** ((histories.times.max() - histories.times) / (self.half_life_days * DAY_US))
        return weights


@dataclass(frozen=True, slots=True)
class Learnt:
    """``items`` float32 (N, 1 + P): log share of votes, then lifts; ``content`` float32 (C + 1, 1 + P): their ridge."""

    items: NDArray[np.float32]
    content: NDArray[np.float32]
    metrics: dict[str, float]


def learn(data: TrainingData, *, half_life_days: float | None, seed: int) -> Learnt:
    """Choose counting and shrinkage on the validation users, then learn from all users.

    Too few of them choose nothing: likes alone count, by their place, and lifts are shrunk by the middle precision.
    """
    problem = held_out(data, shown=0)
    rows = data.training
    candidates = [Counting(p, w, half_life_days) for p in (True, False) for w in WARMUPS]
    quality = [
        ndcg(np.tile(_log_share(_counts(data, rows, c)), (len(problem.relevant), 1)), problem) for c in candidates
    ]
    counting = candidates[int(np.argmax(quality))]
    precision, best = _choose_precision(data, rows, counting, problem)
    if len(problem.relevant) < FEW_USERS:
        counting, precision = candidates[0], PRECISIONS[1]

    everyone = np.arange(len(data.dataset.user_ids))
    counts = _counts(data, everyone, counting)
    seen = data.items.base_counts > 0
    content = data.items.base_content.astype(np.float64)
    ridge, bias, shape = _fit_rate(content[seen], counts[seen], seed)
    expected = np.exp(np.clip(content @ ridge + bias, -30, 30))
    rates = np.where(seen, (counts + shape) / (1 + shape / expected), expected)
    total = max(float(rates.sum()), 1e-12)
    lifts, strength = _lifts(data, everyone, counting, precision)
    reach = _weighted_ridge(content, lifts, strength / (strength + precision), 30.0)
    lifts = np.where(seen[:, None], lifts, content @ reach)
    table = np.concatenate([np.log(rates / total)[:, None], lifts], axis=1)
    coefficients = np.zeros((content.shape[1] + 1, table.shape[1]))
    coefficients[:-1, 0], coefficients[-1, 0] = ridge, bias - np.log(total)
    coefficients[:-1, 1:] = reach
    metrics = {
        "validation_ndcg": best,
        "positives_only": float(counting.positives_only),
        "warmup": counting.warmup,
        "lift_precision": precision,
    }
    return Learnt(table.astype(np.float32), coefficients.astype(np.float32), metrics)


def _votes(data: TrainingData, rows: NDArray[np.int64], counting: Counting) -> sparse.csr_array:
    dataset = data.dataset.select_users(rows)
    histories = dataset.histories
    shape = (len(rows), len(dataset.item_ids))
    return sparse.csr_array((counting.weigh(dataset), histories.items, histories.offsets), shape)


def _counts(data: TrainingData, rows: NDArray[np.int64], counting: Counting) -> Array:
    return np.asarray(_votes(data, rows, counting).sum(axis=0), np.float64).ravel()


def _log_share(counts: Array) -> Array:
    smoothed = counts + 0.1
    return np.asarray(np.log(smoothed / smoothed.sum()))


def _choose_precision(
    data: TrainingData, rows: NDArray[np.int64], counting: Counting, problem: HeldOut
) -> tuple[float, float]:
    """The precision of the lifts' prior with the best NDCG; infinite where lifts do not pay."""
    base = _log_share(_counts(data, rows, counting))
    best = (np.inf, ndcg(np.tile(base, (len(problem.relevant), 1)), problem))
    for precision in PRECISIONS[::-1]:
        lifts, _ = _lifts(data, rows, counting, precision)
        quality = ndcg(base + problem.queries.profiles @ lifts.T, problem)
        if quality > best[1]:
            best = (precision, quality)
    return best


def _lifts(
    data: TrainingData, rows: NDArray[np.int64], counting: Counting, precision: float, iterations: int = 20
) -> tuple[Array, Array]:
    """Log lift of each profile column for each item, (N, P), and the expected votes behind it, (N, P).

    Votes of users with one profile x on item i are Poisson with mean n_x · p_i · exp(x · w_i), w ~ N(0, 1/precision);
    w by damped Newton steps on the diagonal. Only as many items as fit the memory bound, most voted first, get lifts.
    """
    columns = data.profiles.shape[1]
    items = len(data.dataset.item_ids)
    lifts, strength = np.zeros((items, columns)), np.zeros((items, columns))
    rows = rows[:: -(-len(rows) // MAX_GROUPS)] if len(rows) else rows
    votes = _votes(data, rows, counting)
    counts = np.asarray(votes.sum(axis=0)).ravel()
    if not np.isfinite(precision) or not columns or not counts.any():
        return lifts, strength
    groups, member = np.unique(data.profiles[rows], axis=0, return_inverse=True)
    groups = groups.astype(np.float64)
    member = member.ravel()
    gather = sparse.csr_array((np.ones(len(rows)), (member, np.arange(len(rows)))), (len(groups), len(rows)))
    chosen = np.sort(np.argsort(-counts, kind="stable")[: max(1, MAX_CELLS // len(groups))])
    observed = np.asarray(groups.T @ (gather @ votes[:, chosen]).toarray())
    size = gather @ np.asarray(votes.sum(axis=1)).ravel()
    share = np.exp(_log_share(counts))[chosen]
    weights = np.zeros((columns, len(chosen)))
    expected = np.outer(groups.T @ size, share)
    for _ in range(iterations):
        now = (groups * size[:, None]).T @ (np.exp(groups @ weights) * share)
        weights += 0.4 * (observed - now - precision * weights) / (now + precision)
    lifts[chosen], strength[chosen] = weights.T, expected.T
    return lifts, strength


def _fit_rate(content: Array, counts: Array, seed: int) -> tuple[Array, float, float]:
    """Poisson regression of votes on content: coefficients (C,), bias, and the Gamma shape of what it leaves open.

    Ridge and shape are those that make items likeliest which the regression has not seen, each item once.
    """
    scale = float(counts.mean()) if len(counts) else 0.0
    if len(counts) < 2 or scale <= 0:
        return np.zeros(content.shape[1]), 0.0, 1.0
    order = np.random.default_rng(seed).permutation(len(counts))[:MAX_ITEMS]
    rows, votes = content[order], counts[order]
    fold = np.arange(len(order)) % FOLDS
    best, chosen = -np.inf, (RIDGES[-1], np.full(len(order), scale))
    for ridge in RIDGES:
        expected = np.empty(len(order))
        for f in np.unique(fold):
            weights, bias = _poisson(rows[fold != f], votes[fold != f] / scale, ridge)
            expected[fold == f] = np.exp(np.clip(rows[fold == f] @ weights + bias, -10, 5)) * scale
        likelihood = float(np.mean(votes * np.log(expected) - expected))
        if likelihood > best:
            best, chosen = likelihood, (ridge, expected)
    ridge, expected = chosen
    weights, bias = _poisson(rows, votes / scale, ridge)
    return weights, bias + float(np.log(scale)), max(SHAPES, key=lambda shape: _likelihood(votes, expected, shape))


def _likelihood(votes: Array, expected: Array, shape: float) -> float:
    """Mean log likelihood of ``votes`` that are Poisson around a Gamma with mean ``expected``: negative binomial."""
    share = expected / (expected + shape)
    found = gammaln(votes + shape) - gammaln(shape) + shape * np.log(1 - share) + votes * np.log(share)
    return float(found.mean())


def _poisson(content: Array, target: Array, ridge: float, iterations: int = 15) -> tuple[Array, float]:
    """Coefficients (C,) and bias of log E[target], ``ridge`` on the coefficients; damped Newton."""
    rows = np.column_stack([content, np.ones(len(content))])
    penalty = np.full(rows.shape[1], ridge)
    penalty[-1] = 1e-6
    weights = np.zeros(rows.shape[1])
    for _ in range(iterations):
        rates = np.exp(np.clip(rows @ weights, -10, 5))
        slope = rows.T @ (target - rates) - penalty * weights
        weights += 0.7 * np.linalg.solve((rows.T * rates) @ rows + np.diag(penalty), slope)
    return weights[:-1], float(weights[-1])


def _weighted_ridge(content: Array, target: Array, weights: Array, ridge: float) -> Array:
    """Coefficients (C, P) of ``target`` (N, P) without a bias; one weight an item, the mean of its ``weights``."""
    each = weights.mean(axis=1, keepdims=True) if weights.shape[1] else np.zeros((len(content), 1))
    gram = content.T @ (each * content) + ridge * np.eye(content.shape[1])
    return np.asarray(np.linalg.solve(gram, content.T @ (each * target)))

"""How many votes an item's content lets one expect, and how far its true rate may lie from that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Array = NDArray[np.float64]
RIDGES = (100.0, 10.0, 1.0)
SHAPES = (0.25, 0.5, 1.0, 2.0, 4.0)
MAX_ITEMS = 5_000
ITERATIONS = 12


@dataclass(frozen=True, slots=True)
class Rates:
    """Expected votes of an item with content x: exp(x · ``coefficients`` + ``level``). ``shape``: see ``Body``."""

    coefficients: Array
    level: float
    shape: float

    def expected(self, content: NDArray[np.floating]) -> Array:
        """Expected votes (n,) of items with ``content`` (n, C)."""
        return np.asarray(np.exp(np.clip(content @ self.coefficients + self.level, -30, 30)))

    def posterior(self, expected: Array, counts: Array, seen: NDArray[np.bool_]) -> Array:
        """Votes (n,) to go on with: Gamma–Poisson after ``counts`` (n,); the expected ones where nobody could vote."""
        return np.asarray(np.where(seen, (counts + self.shape) / (1 + self.shape / expected), expected))


def fit_rates(
    content: NDArray[np.float32],
    counts: Array,
    starts: Sequence[Array],
    *,
    free: NDArray[np.bool_],
    shape: float | None,
    seed: int,
) -> Rates:
    """Poisson regression of ``counts`` (n,) on ``content`` (n, C), pulled towards one of ``starts``, (C,) each.

    Which, and how hard, is chosen by the likelihood of held-out items, and not to leave the start is a choice too.
    Columns that are not ``free`` (C,) stay where they start. ``shape`` None: the one that makes held-out items
    likeliest (negative binomial).
    """
    if len(counts) < 2 or counts.sum() <= 0:
        return Rates(starts[0], 0.0, shape or 1.0)
    order = np.random.default_rng(seed).permutation(len(counts))[:MAX_ITEMS]
    rows, votes = content[order].astype(np.float64), counts[order]
    part = max(1, len(order) // 5)
    ridges = (np.inf, *RIDGES) if free.any() else (np.inf,)
    best, chosen = -np.inf, (starts[0], np.inf)
    expected = np.ones(part)
    for start, ridge in product(starts, ridges):
        found = _regress(rows[part:], votes[part:], start, ridge, free).expected(rows[:part])
        likelihood = float(np.mean(votes[:part] * np.log(found) - found))
        if likelihood > best:
            best, chosen, expected = likelihood, (start, ridge), found
    if shape is None:
        shape = max(SHAPES, key=lambda a: _likelihood(votes[:part], expected, a))
    found_rates = _regress(rows, votes, *chosen, free)
    return Rates(found_rates.coefficients, found_rates.level, shape)


def _regress(rows: Array, votes: Array, start: Array, ridge: float, free: NDArray[np.bool_]) -> Rates:
    """Damped Newton steps on the penalised Poisson likelihood; an infinite ``ridge`` moves only the level."""
    offset = np.clip(rows @ start, -30, 30)
    top = offset.max()
    level = float(np.log(max(votes.sum(), 1e-9)) - np.log(np.exp(offset - top).sum()) - top)
    if not np.isfinite(ridge):
        return Rates(start, level, 1.0)
    design = np.column_stack([rows[:, free], np.ones(len(rows))])
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 1e-6  # the level is free; only the steps need it bounded
    scale = max(float(votes.mean()), 1e-9)
    moved = np.append(np.zeros(design.shape[1] - 1), level - np.log(scale))
    pull = np.append(penalty[:-1], 0.0)
    for _ in range(ITERATIONS):
        rates = np.exp(np.clip(offset + design @ moved, -10, 5))
        slope = design.T @ (votes / scale - rates) - pull * moved
        moved += 0.7 * np.linalg.solve((design.T * rates) @ design + np.diag(penalty), slope)
    coefficients = start.copy()
    coefficients[free] += moved[:-1]
    return Rates(coefficients, float(moved[-1] + np.log(scale)), 1.0)


def _likelihood(votes: Array, expected: Array, shape: float) -> float:
    """Mean logarithm of the negative binomial, for votes that may be fractions."""
    terms = (
        gammaln(votes + shape)
        - gammaln(shape)
        - shape * np.log1p(expected / shape)
        + votes * (np.log(expected) - np.log(expected + shape))
    )
    return float(terms.mean())

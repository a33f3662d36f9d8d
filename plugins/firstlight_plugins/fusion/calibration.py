"""Scores to log odds: logistic regression on one component's scores (Platt, 1999)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE = 40_000
LEAST_SLOPE = 0.05
"""In log odds per standard deviation: a component is never turned round, and always keeps its order."""


def platt(scores: NDArray[np.floating], relevant: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of P(relevant | score) for ``scores`` (n,), fitted on at most 40,000 evenly spaced ones."""
    step = -(-len(scores) // SAMPLE) or 1
    x, y = scores[::step].astype(np.float64), relevant[::step].astype(np.float64)
    base = base_rate(relevant)
    deviation = float(x.std()) if len(x) else 0.0
    if deviation < 1e-9:
        return LEAST_SLOPE, base
    mean = float(x.mean())
    design = np.stack([(x - mean) / deviation, np.ones(len(x))], axis=1)
    ridge = np.diag([1.0, 1e-3])
    beta = np.array([0.0, base])
    for _ in range(12):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (y - p) - ridge @ (beta - [0.0, base])
        hessian = (design * (p * (1 - p))[:, None]).T @ design + ridge
        step_taken = np.clip(np.linalg.solve(hessian, gradient), -2, 2)
        beta += step_taken
        if np.abs(step_taken).max() < 1e-6:
            break
    slope = max(float(beta[0]), LEAST_SLOPE) / deviation
    return slope, float(beta[1]) - slope * mean


def base_rate(relevant: NDArray[np.bool_]) -> float:
    """Log odds of being relevant, shrunk so that it is finite."""
    hits = float(relevant.sum())
    return float(np.log((hits + 0.5) / (len(relevant) - hits + 0.5)))

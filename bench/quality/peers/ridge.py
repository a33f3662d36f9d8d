"""Ridge regression on item attributes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg

from peers.part import Part, features

MAX_COLUMNS = 4_000
"""Up to this many columns the normal equations are solved directly, above by conjugate gradients."""


def predict(part: Part, targets: NDArray[np.floating], *, penalty: float, words: float) -> NDArray[np.float64]:
    """float64 (N, D): what a ridge from attributes, learnt on the seen items' ``targets`` (N, D), says of all items.

    ``penalty`` is for coefficients, the intercept is free; ``words`` weighs the text, 0 leaves it out.
    """
    table = sparse.csr_matrix(features(part, words), dtype=np.float64)
    learnt, wanted = table[part.seen], np.asarray(targets[part.seen], np.float64)
    if not table.shape[1] or not len(wanted):
        mean = wanted.mean(axis=0) if len(wanted) else np.zeros(targets.shape[1])
        return np.tile(mean, (table.shape[0], 1))
    centre, mean = np.asarray(learnt.mean(axis=0)).ravel(), wanted.mean(axis=0)
    right = learnt.T @ wanted - np.outer(centre, wanted.sum(axis=0))
    if table.shape[1] <= MAX_COLUMNS:
        gram = (learnt.T @ learnt).toarray() - len(wanted) * np.outer(centre, centre)
        coefficients = np.linalg.solve(gram + penalty * np.eye(len(gram)), right)
    else:

        def apply(x: NDArray[np.float64]) -> NDArray[np.float64]:
            fitted = learnt @ x - centre @ x
            return np.asarray(learnt.T @ fitted - centre * fitted.sum() + penalty * x)

        operator = LinearOperator((table.shape[1],) * 2, apply, dtype=np.float64)
        coefficients = np.stack([cg(operator, column, rtol=1e-4, maxiter=200)[0] for column in right.T], axis=1)
    return np.asarray(table @ coefficients) - centre @ coefficients + mean

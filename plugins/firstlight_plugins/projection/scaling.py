"""States scaled so that scores mean the same for everybody."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-12
"""A smaller deviation is none."""


def standardised(states: NDArray[np.floating], spread: NDArray[np.floating]) -> NDArray[np.float64]:
    """``states`` (B, d) divided by the deviation of z · v over items whose vectors have covariance ``spread`` (d, d).

    A user all of whose scores are equal gets zeros.
    """
    wide = states.astype(np.float64)
    variance = np.einsum("bd,bd->b", wide @ spread.astype(np.float64, copy=False), wide)
    deviation = np.sqrt(np.maximum(variance, 0))[:, None]
    return np.where(deviation > LEAST, wide / np.maximum(deviation, LEAST), 0)


def covariance(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """(d, d) of the rows of ``vectors`` (n, d), n at least 1."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    return np.asarray(centred.T @ centred / len(vectors))

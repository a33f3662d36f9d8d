"""What is expected of a user before any history: the mean user, moved by the profile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CONFIDENT = 30.0
"""Likes at which a user's direction counts half."""

PRECISION = 30.0
"""Of the profile columns' Gaussian prior, in users."""

Array = NDArray[np.float64]


def fit_priors(states: Array, likes: Array, profiles: NDArray[np.floating]) -> Array:
    """(1 + P, d): the mean state of a user with the mean number of likes, and what each profile column adds.

    ``states`` (U, d) of users with ``likes`` (U,) and ``profiles`` (U, P). A ridge on states per like.
    """
    out = np.zeros((1 + profiles.shape[1], states.shape[1]))
    weights = likes / (likes + CONFIDENT)
    if not weights.sum() > 0:
        return out
    directions = states * (likes.mean() / (likes + 1))[:, None]
    out[0] = weights @ directions / weights.sum()
    wide = profiles.astype(np.float64)
    gram = (wide.T * weights) @ wide + PRECISION * np.eye(wide.shape[1])
    out[1:] = np.linalg.solve(gram, (wide.T * weights) @ (directions - out[0]))
    return out

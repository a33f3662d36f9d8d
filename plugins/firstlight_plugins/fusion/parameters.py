"""What the fusion has learnt, by amount of evidence, and how it turns scores into one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight import RankingInputs

UNWANTED = 1e-4
"""The least that ``novelty`` counts: an item that is surely not new comes after all others."""

WARM, COLD = 0, 1
"""Blocks of items: with training interactions, and without."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Everything at K knots of evidence, for two blocks of items and S components, the prior first.

    ``knots`` (K,) numbers of interactions, rising; ``slope``, ``intercept`` and ``weight`` (2, K, S): score s
    contributes weight · (slope · s + intercept), a log odds; ``weight`` sums to 1 over S. ``level`` (2, K): the log
    odds of an item about which not even the prior knows anything. ``offset`` (K,) is added to items of the cold block,
    and the logarithm of how likely they are new.
    """

    names: tuple[str, ...]
    knots: Array
    slope: Array
    intercept: Array
    weight: Array
    level: Array
    offset: Array

    @classmethod
    def prior_alone(cls, names: tuple[str, ...]) -> Parameters:
        """The first of ``names`` as it is, whatever the evidence."""
        shape = (2, 1, len(names))
        weight = np.zeros(shape)
        weight[..., 0] = 1.0
        return cls(names, np.zeros(1), np.ones(shape), np.zeros(shape), weight, np.zeros((2, 1)), np.zeros(1))

    def at(self, interactions: NDArray[np.integer]) -> Array:
        """How much each knot counts for ``interactions`` (B,): (B, K), linear in log(1 + n) between two knots."""
        places = np.interp(np.log1p(interactions), np.log1p(self.knots), np.arange(len(self.knots)))
        return np.asarray(np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(len(self.knots)))))

    def calibrated(self, inputs: RankingInputs) -> NDArray[np.float32]:
        """Log odds (S, B, C), new items' offset included. A component that knows nothing repeats the prior."""
        near = self.at(inputs.evidence.interactions)
        cold = inputs.counts == 0
        prior = np.where(cold, (near @ self.level[COLD])[:, None], (near @ self.level[WARM])[:, None])
        out = np.empty((len(self.names), *inputs.positions.shape), np.float32)
        for s, name in enumerate(self.names):
            if name not in inputs.names:
                out[s] = prior
                continue
            at = inputs.names.index(name)
            slope = np.where(cold, (near @ self.slope[COLD, :, s])[:, None], (near @ self.slope[WARM, :, s])[:, None])
            level = np.where(
                cold, (near @ self.intercept[COLD, :, s])[:, None], (near @ self.intercept[WARM, :, s])[:, None]
            )
            out[s] = np.where(inputs.known[at], slope * inputs.scores[at] + level, prior)
            if s == 0:
                prior = out[0]
        novelty = 1.0 if inputs.novelty is None else np.maximum(inputs.novelty, UNWANTED)
        out += np.where(cold, (near @ self.offset)[:, None] + np.log(novelty), 0.0).astype(np.float32)
        return out

    def weights(self, inputs: RankingInputs) -> NDArray[np.float32]:
        """Weights (S, B, C), summing to 1 over S."""
        near = self.at(inputs.evidence.interactions)
        warm, cold = (near @ self.weight[block] for block in (WARM, COLD))
        return np.asarray(np.where(inputs.counts[None] == 0, cold.T[:, :, None], warm.T[:, :, None]), np.float32)

    def to_json(self) -> dict[str, Any]:
        """Plain lists that :meth:`from_json` reads back."""
        arrays = ("knots", "slope", "intercept", "weight", "level", "offset")
        return {"names": list(self.names), **{name: getattr(self, name).tolist() for name in arrays}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Parameters:
        """Inverse of :meth:`to_json`."""
        arrays = {name: np.array(value, np.float64) for name, value in data.items() if name != "names"}
        return cls(names=tuple(data["names"]), **arrays)

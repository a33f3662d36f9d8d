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

    def parts(self, inputs: RankingInputs) -> NDArray[np.float32]:
        """What each score adds to the value, weight · log odds: (S, B, C)."""
        near, cold = self.at(inputs.evidence.interactions), _cold(inputs)
        weights = _of_block(near @ self.weight, cold).astype(np.float32)
        return np.asarray(weights * self._odds(inputs, near, cold))

    def calibrated(self, inputs: RankingInputs) -> NDArray[np.float32]:
        """Log odds (S, B, C), new items' offset included. A component that knows nothing repeats the prior."""
        return self._odds(inputs, self.at(inputs.evidence.interactions), _cold(inputs))

    def _odds(self, inputs: RankingInputs, near: Array, cold: NDArray[np.bool_]) -> NDArray[np.float32]:
        scores, known = self.aligned(inputs)
        slope, intercept = _of_block(near @ self.slope, cold), _of_block(near @ self.intercept, cold)
        odds = slope * scores + intercept
        odds[:1] = np.where(known[:1], odds[:1], _of_block(near @ self.level[:, :, None], cold))
        out = np.where(known, odds, odds[:1]).astype(np.float32)
        if cold.any():
            novelty = 1.0 if inputs.novelty is None else np.maximum(inputs.novelty, UNWANTED)
            out += np.where(cold, (near @ self.offset)[:, None] + np.log(novelty), 0.0).astype(np.float32)
        return out

    def aligned(self, inputs: RankingInputs) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Scores and where they are known, (S, B, C) each, in the order of ``names``; a missing one knows nothing."""
        if inputs.names == self.names:
            return inputs.scores, inputs.known
        shape = (len(self.names), *inputs.positions.shape)
        scores, known = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
        for s, name in enumerate(self.names):
            if name in inputs.names:
                at = inputs.names.index(name)
                scores[s], known[s] = inputs.scores[at], inputs.known[at]
        return scores, known

    def to_json(self) -> dict[str, Any]:
        """Plain lists that :meth:`from_json` reads back."""
        arrays = ("knots", "slope", "intercept", "weight", "level", "offset")
        return {"names": list(self.names), **{name: getattr(self, name).tolist() for name in arrays}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Parameters:
        """Inverse of :meth:`to_json`."""
        arrays = {name: np.array(value, np.float64) for name, value in data.items() if name != "names"}
        return cls(names=tuple(data["names"]), **arrays)


def _cold(inputs: RankingInputs) -> NDArray[np.bool_]:
    """bool (B, C): items without training interactions."""
    return np.asarray((inputs.counts == 0) & (inputs.positions >= 0))


def _of_block(found: Array, cold: NDArray[np.bool_]) -> Array:
    """Of ``found`` (2, B, S) what holds for the block of each item, (S, B, C); (S, B, 1) where none is ``cold``."""
    warm: Array = found[WARM].T[:, :, None]
    return np.where(cold, found[COLD].T[:, :, None], warm) if cold.any() else warm

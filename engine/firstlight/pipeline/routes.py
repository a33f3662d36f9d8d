"""The two ways to answer a query: by every component, or by the few that are quick."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Route
from firstlight.pipeline.model import Model

FULL: Route = "full"
FAST: Route = "fast"

GOOD_ENOUGH = 0.97
"""The least NDCG@10 of the fast route, as a share of the full one's, at which it is taken unasked."""


@dataclass(frozen=True, slots=True)
class FastPlan:
    """The ``components`` of a fast route, of which the ``generators`` propose items, and the others only score."""

    components: Collection[str] = ()
    generators: Collection[str] = ()

    def of(self, model: Model) -> Model | None:
        """Those of ``model`` alone, without a ranker; None where that would be less than two of them, or all."""
        names = [name for name in model.names if name in self.components]
        return model.of(names, generators=self.generators) if 1 < len(names) < len(model.names) else None


@dataclass(frozen=True, slots=True)
class Routes:
    """``full``: the whole model. ``fast``: a few of its components under a ranker of their own, None for no such route.

    ``quality``: by number of interactions, rising, the NDCG@10 of the fast route as a share of the full one's, measured
    on users and items that the fits had not seen; what was not measured is missing.
    """

    full: Model
    fast: Model | None = None
    quality: Mapping[int, float] = field(default_factory=dict)
    _knots: NDArray[np.int64] = field(init=False, repr=False)
    _good: NDArray[np.bool_] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        knots = sorted(self.quality)
        object.__setattr__(self, "_knots", np.array(knots, np.int64))
        object.__setattr__(self, "_good", np.array([False, *(self.quality[k] >= GOOD_ENOUGH for k in knots)]))

    def model(self, route: Route) -> Model:
        """The model of ``route``; the full one where there is no fast one."""
        return self.fast if route == FAST and self.fast is not None else self.full

    def choose(self, interactions: NDArray[np.integer], wanted: tuple[Route | None, ...]) -> NDArray[np.bool_]:
        """bool (B,): which queries take the fast route, by their ``interactions`` (B,) and what each wants.

        One that wants nothing takes it where it is good enough at the nearest number of interactions below its own.
        """
        if self.fast is None:
            return np.zeros(len(interactions), np.bool_)
        unasked = self._good[np.searchsorted(self._knots, interactions, side="right")]
        return np.array([r == FAST if r else g for r, g in zip(wanted, unasked.tolist(), strict=True)], np.bool_)

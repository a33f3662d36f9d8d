"""Exact inner-product search in numpy, for a model that was fitted in memory and has no runtime to ask for an index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstlight import Candidates


@dataclass(frozen=True, slots=True)
class ExactSearch:
    """A :class:`firstlight.VectorIndex` over ``vectors`` (N, d), one query at a time: never (B, N)."""

    vectors: NDArray[np.float32]

    def search(self, queries: NDArray[np.float32], limit: int) -> Candidates:
        """The ``limit`` best of N for each of (B, d) queries."""
        limit = min(limit, len(self.vectors))
        found = [Candidates.best((self.vectors @ query)[None], limit) for query in queries]
        return Candidates.stacked(found, limit)

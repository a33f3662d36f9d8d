"""Exact inner-product search, for a model that was fitted in memory and has no runtime to ask for an index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstlight import Candidates
from firstlight_plugins.student.tables import Table


@dataclass(frozen=True, slots=True)
class ExactSearch:
    """A :class:`firstlight.VectorIndex` over ``table``, one query at a time: never (B, N)."""

    table: Table

    def search(self, queries: NDArray[np.float32], limit: int) -> Candidates:
        """The ``limit`` best of N for each of (B, d) queries."""
        limit = min(limit, len(self.table))
        everything = np.arange(len(self.table))
        found = [Candidates.best(self.table.products(everything, query)[None], limit) for query in queries]
        return Candidates.stacked(found, limit)

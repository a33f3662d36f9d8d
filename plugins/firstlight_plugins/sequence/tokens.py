"""A history as the encoder reads it; the same numpy code while training and while serving."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight import Histories

_DAY_US = 86_400_000_000
_YEAR = np.log1p(365.0)


@dataclass(frozen=True, slots=True)
class Scaling:
    """How values become features: standardised by ``mean`` and ``deviation``, positive from ``positive_value`` on.

    ``types``: how many interaction types the model knows. ``ordered``: tokens say how far from the newest they are.
    """

    mean: float
    deviation: float
    positive_value: float
    types: int
    ordered: bool = False

    @property
    def features(self) -> int:
        """F: features of a token."""
        return 5 if self.ordered else 4

    @classmethod
    def fit(cls, histories: Histories, *, positive_value: float, types: int, ordered: bool = False) -> Scaling:
        """From the values that training users gave; without values everything stays 0."""
        values = histories.values[~np.isnan(histories.values)].astype(np.float64)
        mean, deviation = (float(values.mean()), float(values.std())) if len(values) else (0.0, 1.0)
        return cls(mean, deviation if deviation > 1e-6 else 1.0, positive_value, types, ordered)

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)

    def standardise(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Same shape, within ±3; 0 where there is no value."""
        scaled = np.clip((values - self.mean) / self.deviation, -3, 3)
        return np.where(np.isnan(values), 0, scaled).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Tokens:
    """B histories, padded on the right to the longest, H ≥ 1.

    ``items`` int32 (B, H), −1 for padding; ``features`` float32 (B, H, F): standardised value, whether it is positive,
    whether it is missing, how long before the newest interaction (0 = at the same time or unknown, 1 = a year), and
    where order counts 1 / (1 + number of later interactions); ``types`` int64 (B, H); ``mask`` float32 (B, H), 1 for a
    real token.
    """

    items: NDArray[np.int32]
    features: NDArray[np.float32]
    types: NDArray[np.int64]
    mask: NDArray[np.float32]


def tokenise(histories: Histories, scaling: Scaling, *, limit: int) -> Tokens:
    """The newest ``limit`` entries of each history."""
    cut = histories.newest(limit)
    rows, columns = cut.rows, cut.ranks()
    shape = (len(cut), max(1, int(cut.lengths.max(initial=0))))
    newest = np.zeros(len(cut), np.int64)
    np.maximum.at(newest, rows, cut.times)
    age_days = np.where(cut.times > 0, newest[rows] - cut.times, 0) / _DAY_US
    items = np.full(shape, -1, np.int32)
    features = np.zeros((*shape, scaling.features), np.float32)
    types = np.zeros(shape, np.int64)
    items[rows, columns] = cut.items
    features[rows, columns, 0] = scaling.standardise(cut.values)
    features[rows, columns, 1] = cut.positive(scaling.positive_value)
    features[rows, columns, 2] = np.isnan(cut.values)
    features[rows, columns, 3] = np.minimum(np.log1p(age_days) / _YEAR, 2)
    if scaling.ordered:
        features[rows, columns, 4] = 1 / (cut.lengths[rows] - columns)
    types[rows, columns] = np.clip(cut.types, 0, scaling.types - 1)
    return Tokens(items, features, types, (items >= 0).astype(np.float32))

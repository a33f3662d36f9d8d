"""How much each interaction of a history counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from firstlight import Histories
from firstlight_plugins.ease.rows import Floats


def strengths(
    histories: Histories, known: NDArray[np.bool_], *, positive_value: float, disliked: float, recency: float
) -> Floats:
    """float32 (n,): (1 + age)^−``recency``, times ``disliked`` where the user did not like the item.

    Age 0 is the newest interaction that counts. Of several with one item only the newest counts, and none with items
    that are not ``known`` (N,); these get 0.
    """
    counts = histories.last_of_each()
    inside = (histories.items >= 0) & (histories.items < len(known))
    counts[inside] &= known[histories.items[inside]]
    counts &= inside
    kept = histories.keep(counts)
    found = np.zeros(len(counts), np.float32)
    found[counts] = (1.0 + kept.ages()) ** -recency * np.where(kept.positive(positive_value), 1.0, disliked)
    return found


def matrix(histories: Histories, values: Floats, size: int) -> sparse.csr_array:
    """csr (B, ``size``): ``values`` (n,) at the items of ``histories``, where they are not 0."""
    mask = values != 0
    entries = (values[mask], (histories.rows[mask], histories.items[mask]))
    return sparse.csr_array(sparse.coo_array(entries, (len(histories), size)), dtype=np.float32)

"""The encoder's inputs: what a query knows, in as few arrays as will do."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from firstlight import Histories

OUTPUTS = ("state",)

T = TypeVar("T", bound=np.generic)
Inputs = dict[str, NDArray[np.generic]]


def names(types: int) -> tuple[str, ...]:
    """The encoder's inputs in order, for a schema of so many interaction types; a single type says nothing."""
    return ("codes", "values", "lengths", "profile", *(("types",) if types > 1 else ()))


def arrange(histories: Histories, profiles: NDArray[np.float32], types: int) -> Inputs:
    """All inputs but ``codes``: values (B, H), NaN for padding, lengths (B, 1), profile (B, P), types (B, H)."""
    found: Inputs = {
        "values": together(histories, histories.values, np.nan),
        "lengths": (histories.offsets[1:] - histories.offsets[:-1])[:, None].astype(np.float32),
        "profile": profiles.astype(np.float32, copy=False),
    }
    if types > 1:
        found["types"] = np.clip(together(histories, histories.types, 0), 0, types - 1).astype(np.int64)
    return found


def together(histories: Histories, flat: NDArray[T], padding: float) -> NDArray[T]:
    """(B, H) of ``flat`` (n,), one row a history, padded on the right to the longest, H ≥ 1.

    A single history needs no more than another shape.
    """
    size = len(histories)
    if size == 1:
        return flat[None] if len(flat) else np.full((1, 1), padding, flat.dtype)
    lengths = histories.lengths
    longest = max(1, int(lengths.max(initial=0)))
    out = np.full((size, longest), padding, flat.dtype)
    out[np.arange(longest) < lengths[:, None]] = flat
    return out

"""What peers reached on MovieLens 100K where the protocols were written down; a peer may not land below it here.

New items were ranked in three folds that were dealt otherwise, and which films a fold holds decides
its figures: those rows are allowed two standard errors over folds besides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from comparing import Key, Slices
from peers import NEW_ITEM, NEW_USER, WARM

TOLERANCE = 0.005
KS = (0, 1, 3, 5, 10)


def _row(*values: float | None) -> dict[Key, float]:
    return {(NEW_USER, k): value for k, value in zip(KS, values, strict=True) if value is not None}


ROWS: dict[str, dict[Key, float]] = {
    "popularity": _row(0.310, 0.316, 0.322, 0.330, 0.347) | {(WARM, None): 0.098},
    "popularity by segment": _row(0.315, 0.321, 0.331, 0.339, 0.357),
    "LightFM": _row(0.317, 0.323, 0.331, 0.338, 0.357) | {(NEW_ITEM, None): 0.225},
    "item-kNN": _row(None, 0.256, 0.267, 0.297, 0.378),
    "EASE": _row(None, 0.213, 0.191, 0.215, 0.308) | {(WARM, None): 0.186},
    "ALS": _row(None, 0.195, 0.171, 0.190, 0.263) | {(WARM, None): 0.169},
    "random": {(NEW_ITEM, None): 0.05},
    "content-kNN": {(NEW_ITEM, None): 0.09},
    "content-predicted popularity": {(NEW_ITEM, None): 0.179},
    "ALS + ridge": {(NEW_ITEM, None): 0.240},
}
OTHER_FOLDS = (NEW_ITEM,)


@dataclass(frozen=True)
class Check:
    """One row: what was reached before, here, and the least that is allowed."""

    peer: str
    key: Key
    row: float
    here: float
    least: float

    @property
    def passed(self) -> bool:
        """Whether the peer is good enough to compare with."""
        return self.here >= self.least


def checks(peers: Slices) -> list[Check]:
    """Every row whose slice was played."""
    found = []
    for peer, row in ROWS.items():
        for key, value in row.items():
            line = peers.get(key, {}).get(peer)
            if line is None:
                continue
            spread = 0.0
            if key[0] in OTHER_FOLDS and len(line.by_fold) > 1:
                spread = 2 * float(np.std(line.by_fold, ddof=1)) / np.sqrt(3)
            found.append(Check(peer, key, value, line.mean, value - TOLERANCE - spread))
    return found

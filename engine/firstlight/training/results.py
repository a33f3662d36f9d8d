"""Per-user quality of a bundle, measured before the refit on users and items its fits had not seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight.bundle import Manifest
from firstlight.training.metrics import Array

SLICES = "slices"
"""Key of the per-user results in a manifest's ``evaluation``."""

KEPT = 1_000
"""Users a slice keeps, those with the lowest hashes: the same in every bundle of a catalogue."""

DIGITS = 4
"""Results are rounded where they are made, so that one read from a bundle equals the one that was written."""


@dataclass(frozen=True, slots=True)
class SliceResult:
    """One slice such as ``new-user k=3``: ``users`` uint64 hashes (n,), and by strategy NDCG@10 and recall@20 (n,)."""

    name: str
    users: NDArray[np.uint64]
    ndcg: Mapping[str, Array]
    recall: Mapping[str, Array]

    @classmethod
    def joined(cls, parts: Sequence[SliceResult]) -> SliceResult:
        """Parts of one slice as one; a user met in several parts counts once, with the mean."""
        users, member = np.unique(np.concatenate([p.users for p in parts]), return_inverse=True)
        met = np.bincount(member)

        def gather(field: str) -> dict[str, Array]:
            found = [getattr(part, field) for part in parts]
            shared = [name for name in found[0] if all(name in values for values in found)]
            sums = {n: np.bincount(member, np.concatenate([values[n] for values in found])) for n in shared}
            return {name: np.round(total / met, DIGITS)[:KEPT] for name, total in sums.items()}

        return cls(parts[0].name, users[:KEPT], gather("ndcg"), gather("recall"))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""

        def plain(values: Mapping[str, Array]) -> dict[str, list[float]]:
            return {name: array.tolist() for name, array in values.items()}

        users = [f"{user:016x}" for user in self.users.tolist()]
        return {"slice": self.name, "users": users, "ndcg": plain(self.ndcg), "recall": plain(self.recall)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SliceResult:
        """Inverse of :meth:`to_json`."""

        def arrays(values: Mapping[str, Sequence[float]]) -> dict[str, Array]:
            return {name: np.array(row, np.float64) for name, row in values.items()}

        users = np.array([int(user, 16) for user in data["users"]], np.uint64)
        return cls(data["slice"], users, arrays(data["ndcg"]), arrays(data["recall"]))


def evaluation_of(results: Iterable[SliceResult]) -> dict[str, Any]:
    """``results`` as a manifest's ``evaluation``."""
    return {SLICES: [result.to_json() for result in results]}


def results_of(manifest: Manifest) -> list[SliceResult]:
    """Inverse of :func:`evaluation_of`."""
    return [SliceResult.from_json(row) for row in manifest.evaluation.get(SLICES, ())]

"""The teacher: what a history says about every item people have met, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from firstlight import Histories

RANK = 128
DIRECTIONS_SEED = 0
Array = NDArray[np.float64]


class Teacher(Protocol):
    """Weights B (W, W) between items: history x (W,) scores all W items by x B."""

    def carry(self, targets: Array, rows: NDArray[np.int64]) -> tuple[Array, Array]:
        """Two factors, (W, r) and (r, F), of B[:, ``rows``] · ``targets`` for targets (n, F) of ``rows`` (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class Dense:
    """EASE (Steck, 2019) with shown and chosen items apart: min ‖Y − X B‖² + ridge ‖B‖², diag B = 0."""

    weights: Array

    @classmethod
    def of(cls, shown: sparse.csr_array, chosen: sparse.csr_array, ridge: float) -> Dense:
        """For X = ``shown`` and Y = ``chosen``, (U, W) each."""
        gram = (shown.T @ shown).toarray()
        gram[np.diag_indices_from(gram)] += ridge
        inverse = np.linalg.inv(gram)
        weights = inverse @ (shown.T @ chosen).toarray()
        weights -= inverse * (np.diag(weights) / np.diag(inverse))
        return cls(weights)

    def carry(self, targets: Array, rows: NDArray[np.int64]) -> tuple[Array, Array]:
        """As in :class:`Teacher`."""
        return self.weights[:, rows] @ targets, np.eye(targets.shape[1])


@dataclass(frozen=True, slots=True)
class LowRank:
    """The same without the diagonal's constraint, on the first singular directions V (W, r) of X: B = V s²/(s² + λ) Vᵀ.

    For catalogues whose W × W weights do not fit. Range finder of Halko, Martinsson and Tropp (2011).
    """

    directions: Array
    gains: Array

    @classmethod
    def of(cls, shown: sparse.csr_array, ridge: float, *, rank: int = RANK) -> LowRank:
        """For X = ``shown`` (U, W)."""
        rank = min(rank, *shown.shape)
        basis = np.random.default_rng(DIRECTIONS_SEED).standard_normal((shown.shape[1], min(rank + 10, shown.shape[1])))
        for _ in range(4):
            basis = np.linalg.qr(shown.T @ (shown @ basis))[0]
        _, strength, right = np.linalg.svd(shown @ basis, full_matrices=False)
        strength = strength[:rank] ** 2
        return cls(basis @ right[:rank].T, strength / (strength + ridge))

    def carry(self, targets: Array, rows: NDArray[np.int64]) -> tuple[Array, Array]:
        """As in :class:`Teacher`."""
        return self.directions * self.gains, self.directions[rows].T @ targets


def teach(shown: sparse.csr_array, chosen: sparse.csr_array, ridge: float, *, dense_items: int) -> Teacher:
    """:class:`Dense` up to ``dense_items`` items, :class:`LowRank` above."""
    if shown.shape[1] <= dense_items:
        return Dense.of(shown, chosen, ridge)
    return LowRank.of(shown, ridge)


def matrix(histories: Histories, values: NDArray[np.floating], size: int) -> sparse.csr_array:
    """float64 (B, ``size``) of ``values`` (n,), one an interaction; zeros are left out."""
    made = sparse.csr_array(
        (values.astype(np.float64), histories.items, histories.offsets), (len(histories), size), copy=True
    )
    made.eliminate_zeros()
    return made

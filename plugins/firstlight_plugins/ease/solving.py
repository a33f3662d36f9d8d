"""Two ways to solve the same regression: of all items at once, and of each item on its nearest alone.

Weights B minimise Σ over users of |y − x B|² + |Λ^½ B|², with 0 on the diagonal: EASE (Steck, WWW 2019,
arXiv 1905.03375) with targets y of their own. Λ = ridge + dropout · diag(xᵀx) is the penalty of an autoencoder whose
input is dropped at random (Steck, NeurIPS 2020, "Autoencoders that don't overfit towards the Identity").

Where interactions have times, what follows what is added: F_ji = pairs.following_ji / √(a_j a_i), a the diagonal of
xᵀx + Λ. It is a cosine, shrunk by the same penalty, so that B and F have one scale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from firstlight_plugins.ease.pairs import Pairs
from firstlight_plugins.ease.rows import Floats

NEAREST = 100


class Solver(Protocol):
    """Weights B for one ridge and dropout; ``later`` as in :meth:`Pairs.mixed`."""

    followers: sparse.csr_array
    """F, (N, N)."""

    def scores(self, histories: sparse.csr_array, columns: NDArray[np.int64], later: float) -> Floats:
        """(B, C): what B gives the items ``columns`` (C,) for weighted histories (B, N)."""
        ...

    def weights(self, later: float) -> Floats | sparse.csr_array:
        """B, (N, N), float32."""
        ...


def penalised(counts: NDArray[np.floating], ridge: float, dropout: float) -> NDArray[np.float64]:
    """The diagonal of xᵀx + Λ, (N,), of that of xᵀx. ``ridge`` is in units of its mean, weighted by itself."""
    counts = counts.astype(np.float64)
    scale = (counts**2).sum() / max(counts.sum(), 1e-9)
    return np.asarray(counts + ridge * max(scale, 1e-3) + dropout * counts)


def _followers(pairs: Pairs, diagonal: NDArray[np.float64]) -> sparse.csr_array:
    scale = sparse.diags_array(diagonal**-0.5)
    return sparse.csr_array(scale @ pairs.following @ scale, dtype=np.float32)


class Whole:
    """B = P (C − diag γ), P = (xᵀx + Λ)⁻¹, C the targets and γ_i = (PC)_ii / P_ii: time N³, memory N²."""

    def __init__(self, pairs: Pairs, *, ridge: float, dropout: float) -> None:
        self._pairs = pairs
        matrix = np.array(pairs.together, np.float32, order="F")
        diagonal = penalised(np.diagonal(matrix), ridge, dropout)
        self.followers = _followers(pairs, diagonal)
        matrix[np.diag_indices_from(matrix)] = diagonal
        factor = linalg.cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
        lower, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
        self._inverse = np.tril(lower) + np.tril(lower, -1).T

    def scores(self, histories: sparse.csr_array, columns: NDArray[np.int64], later: float) -> Floats:
        """(histories · P) (C − diag γ), so that B itself is not needed."""
        targets = np.asarray(self._pairs.mixed(later))
        inner = histories @ self._inverse
        found = inner @ targets[:, columns] - inner[:, columns] * self._levels(targets)[columns]
        return np.asarray(found, np.float32)

    def weights(self, later: float) -> Floats:
        """B, its diagonal exactly 0."""
        targets: Floats = np.array(self._pairs.mixed(later), np.float32)
        targets[np.diag_indices_from(targets)] -= self._levels(targets)
        found: Floats = self._inverse @ targets
        np.fill_diagonal(found, 0)
        return found

    def _levels(self, targets: Floats) -> Floats:
        return np.asarray(np.einsum("ij,ji->i", self._inverse, targets) / np.diagonal(self._inverse), np.float32)


class Nearest:
    """Column i of B is solved on the ``nearest`` items that are wanted with i most often, by cosine; 0 elsewhere.

    Time N · nearest³, memory as many pairs as there are: for catalogues whose N² is too much. Exact where ``nearest``
    is N. (Feature selection: Ning and Karypis, "SLIM", ICDM 2011; a sparsity pattern chosen so, and why it keeps
    quality: Steck, "Markov random fields for collaborative filtering", NeurIPS 2019, arXiv 1910.09645.)
    """

    def __init__(self, pairs: Pairs, *, ridge: float, dropout: float, nearest: int = NEAREST) -> None:
        self._pairs, self._nearest = pairs, nearest
        self._counts = pairs.together.diagonal().astype(np.float64)
        self._diagonal = penalised(self._counts, ridge, dropout)
        self.followers = _followers(pairs, self._diagonal)
        together = pairs.together
        self._among = _dense_lookup(together) if isinstance(together, np.ndarray) else _sparse_lookup(together)

    def scores(self, histories: sparse.csr_array, columns: NDArray[np.int64], later: float) -> Floats:
        """``histories`` times the columns asked for."""
        return np.asarray((histories @ self._columns(columns, later)).toarray(), np.float32)

    def weights(self, later: float) -> sparse.csr_array:
        """B."""
        return sparse.csr_array(self._columns(np.arange(len(self._counts)), later))

    def _columns(self, columns: NDArray[np.int64], later: float) -> sparse.csc_array:
        """B[:, columns] (N, C)."""
        mixed = self._pairs.mixed(later)
        targets = mixed if isinstance(mixed, np.ndarray) else sparse.csc_array(sparse.csc_array(mixed)[:, columns])
        roots = np.sqrt(np.maximum(self._counts, 1e-9))
        items, values, lengths = [], [], []
        for n, column in enumerate(columns):
            if isinstance(targets, np.ndarray):
                others, wanted = np.arange(len(targets)), targets[:, column]
            else:
                here = slice(targets.indptr[n], targets.indptr[n + 1])
                others, wanted = targets.indices[here], targets.data[here]
            alike = np.where(others == column, 0, wanted / roots[others])
            if len(alike) > self._nearest:
                top = np.argpartition(-alike, self._nearest)[: self._nearest]
                others, wanted, alike = others[top], wanted[top], alike[top]
            others, wanted = others[alike > 0], wanted[alike > 0]
            items.append(others)
            lengths.append(len(others))
            if len(others):
                matrix = self._among(others)
                matrix[np.diag_indices_from(matrix)] = self._diagonal[others]
                values.append(linalg.solve(matrix, wanted, lower=True, assume_a="pos", check_finite=False))
        return sparse.csc_array(
            (
                np.concatenate([np.zeros(0), *values]).astype(np.float32),
                np.concatenate([np.zeros(0, np.int32), *items]),
                np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
            ),
            (len(self._counts), len(columns)),
        )


Lookup = Callable[[NDArray[np.integer]], NDArray[np.float64]]
"""xᵀx of items (M,) among themselves, (M, M); its diagonal need not be right."""


def _dense_lookup(together: Floats) -> Lookup:
    return lambda items: together[np.ix_(items, items)].astype(np.float64)


def _sparse_lookup(together: sparse.csr_array) -> Lookup:
    """By falling count, a pair is looked up in the row of the rarer item, which is short."""
    order = np.argsort(-together.diagonal(), kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    rarer = sparse.csr_array(sparse.tril(together[order][:, order], -1))
    column_of = np.full(len(order), -1, np.int64)

    def among(items: NDArray[np.integer]) -> NDArray[np.float64]:
        places = place[items]
        starts = rarer.indptr[places]
        lengths = rarer.indptr[places + 1] - starts
        at = np.arange(lengths.sum()) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        column_of[places] = np.arange(len(items))
        columns = column_of[rarer.indices[at]]
        column_of[places] = -1
        found = np.flatnonzero(columns >= 0)
        rows, columns = np.repeat(np.arange(len(items)), lengths)[found], columns[found]
        out = np.zeros((len(items), len(items)))
        out[rows, columns] = out[columns, rows] = rarer.data[at[found]]
        return out

    return among

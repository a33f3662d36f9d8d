"""Alternating least squares on weighted entries: one core for every setting.

Minimised over U (rows, d) and Q (columns, d), for entries (r, c) of ``targets`` with their ``weights``::

    Σ weight · (target − u·q)²  +  background · Σ over all cells (u·q)²  +  Σ ridge_r |u − centre|²  +  Σ ridge_c |q|²

Ratings as values: weight 1 on every cell, or on the known cells alone; background 0. Implicit feedback (iALS): weights
on what was chosen, a background that pulls the rest to 0. Sources: Hu, Koren and Volinsky, ICDM 2008; Rendle et al.,
"Revisiting the Performance of iALS", RecSys 2022.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

ROWS = 4_096
COLUMNS = 8_192
Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Entries:
    """Weighted cells of a (rows, columns) matrix: ``weights`` and ``pulls`` = weight · target, sparse and alike."""

    weights: sparse.csr_array
    pulls: sparse.csr_array

    @classmethod
    def of(
        cls, targets: Array, weights: Array, columns: NDArray[np.integer], offsets: NDArray[np.integer], width: int
    ) -> Entries:
        """From the flat cells of each row; a cell that occurs twice counts twice."""
        shape = (len(offsets) - 1, width)
        cells = (sparse.csr_array((v, columns, offsets), shape, copy=True) for v in (weights, weights * targets))
        return cls(*cells)

    @property
    def transposed(self) -> Entries:
        """The same cells, columns as rows."""
        return Entries(self.weights.T.tocsr(), self.pulls.T.tocsr())

    @property
    def mass(self) -> Array:
        """Σ weight of each row."""
        return np.asarray(self.weights.sum(axis=1)).ravel()


def systems(entries: Entries, factors: Array, background: Array, ridge: Array) -> Array:
    """The matrices (rows, d, d) of the normal equations; ``background`` (d, d) is added to each."""
    size = factors.shape[1]
    used = np.unique(entries.weights.indices)
    cells = entries.weights[:, used]
    total = np.zeros((cells.shape[0], size * size), factors.dtype)
    for start in range(0, len(used), COLUMNS):
        part = factors[used[start : start + COLUMNS]]
        total += cells[:, start : start + COLUMNS] @ (part[:, :, None] * part[:, None, :]).reshape(len(part), -1)
    return total.reshape(-1, size, size) + background + ridge[:, None, None] * np.eye(size, dtype=factors.dtype)


def solve(entries: Entries, factors: Array, background: Array, ridge: Array, centre: Array) -> Array:
    """The best rows (rows, d) for fixed ``factors`` (columns, d); ``ridge`` (rows,) pulls them to ``centre`` (d,)."""
    out = np.zeros((entries.weights.shape[0], factors.shape[1]), factors.dtype)
    for start in range(0, len(out), ROWS):
        rows = slice(start, start + ROWS)
        block = Entries(entries.weights[rows], entries.pulls[rows])
        matrices = systems(block, factors, background, ridge[rows])
        pulls = block.pulls @ factors + ridge[rows, None] * centre
        out[rows] = np.linalg.solve(matrices, pulls[..., None])[..., 0]
    return out


def factorise(
    entries: Entries,
    *,
    size: int,
    background: float,
    ridge: float,
    iterations: int,
    seed: int,
    start: Array | None = None,
    dtype: type = np.float32,
) -> tuple[Array, Array]:
    """U (rows, d) and Q (columns, d) after ``iterations`` of solving for one and then the other.

    A row's ridge is ``ridge`` · (its mass + background · columns), so that one value suits frequent and rare alike.
    ``start``: Q to begin with, random by ``seed`` if None.
    """
    rows, columns = entries.weights.shape
    across = entries.transposed
    centre: Array = np.zeros(size, dtype)
    row_ridge = (ridge * (entries.mass + background * columns) + 1e-9).astype(dtype)
    column_ridge = (ridge * (across.mass + background * rows) + 1e-9).astype(dtype)
    right = np.random.default_rng(seed).standard_normal((columns, size)) * 0.1 if start is None else start
    right = right.astype(dtype)
    left = np.zeros((rows, size), dtype)
    for _ in range(iterations):
        left = solve(entries, right, background * right.T @ right, row_ridge, centre)
        right = solve(across, left, background * left.T @ left, column_ridge, centre)
    left = solve(entries, right, background * right.T @ right, row_ridge, centre)
    return left, right

"""The matrix whose answers are known: a truncated SVD, and an exact fit of eight cells by rank 2."""

import numpy as np
import pytest

from firstlight_plugins.factors.als import Entries, factorise, solve

MATRIX = np.array([[3, 5, 0, 0], [0, 4, 2, 0], [0, 0, 1, 5], [4, 0, 0, 2]], float)


def entries(matrix, weights) -> Entries:
    rows, columns = np.nonzero(weights)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(matrix)))])
    return Entries.of(matrix[rows, columns], weights[rows, columns], columns, offsets, matrix.shape[1])


def fit(weights, iterations):
    left, right = factorise(
        entries(MATRIX, weights), size=2, background=0.0, ridge=0.0, iterations=iterations, seed=0, dtype=np.float64
    )
    return left @ right.T


def test_zeros_as_values_is_the_truncated_svd() -> None:
    error = ((fit(np.ones_like(MATRIX), 300) - MATRIX) ** 2).sum()
    assert error == pytest.approx(16.666, abs=0.001)
    assert error == pytest.approx((np.linalg.svd(MATRIX)[1][2:] ** 2).sum(), abs=1e-6)


def test_zeros_as_missing_fits_the_known_cells() -> None:
    known = MATRIX > 0
    assert np.abs(fit(known.astype(float), 300) - MATRIX)[known].max() < 0.01


def test_background_equals_explicit_zeros() -> None:
    known = (MATRIX > 0).astype(float)
    right = np.random.default_rng(0).standard_normal((4, 2))
    centre, ridge = np.zeros(2), np.full(4, 0.1)
    quick = solve(entries(MATRIX, known), right, right.T @ right, ridge, centre)
    # weight w to target t, and 1 to 0, is weight w + 1 to target w t / (w + 1)
    slow = solve(entries(MATRIX / (known + 1), known + 1), right, np.zeros((2, 2)), ridge, centre)
    np.testing.assert_allclose(quick, slow, atol=1e-9)


def test_a_row_without_cells_is_the_centre() -> None:
    nothing = Entries.of(np.zeros(0), np.zeros(0), np.zeros(0, int), np.zeros(2, int), 4)
    solved = solve(nothing, np.ones((4, 2)), np.zeros((2, 2)), np.array([0.5]), np.array([1.0, 2.0]))
    np.testing.assert_allclose(solved, [[1, 2]])

import numpy as np
from scipy import sparse

from firstlight_plugins.projection.teacher import Dense, LowRank

SHOWN = sparse.csr_array((np.random.default_rng(0).random((40, 7)) < 0.4).astype(float))


def test_dense_is_the_best_of_all_with_a_zero_diagonal() -> None:
    chosen = sparse.csr_array((np.random.default_rng(1).random((40, 7)) < 0.3).astype(float))
    weights = Dense.of(SHOWN, chosen, 5.0).weights
    np.testing.assert_allclose(np.diag(weights), 0, atol=1e-12)
    gradient = SHOWN.toarray().T @ (SHOWN @ weights - chosen.toarray()) + 5.0 * weights
    np.testing.assert_allclose(gradient[~np.eye(7, dtype=bool)], 0, atol=1e-9)


def test_low_rank_at_full_rank_is_the_ridge() -> None:
    dense = SHOWN.toarray()
    left, right = LowRank.of(SHOWN, 5.0).carry(np.eye(7), np.arange(7))
    wanted = np.linalg.solve(dense.T @ dense + 5.0 * np.eye(7), dense.T @ dense)
    np.testing.assert_allclose(left @ right, wanted, atol=1e-9)


def test_only_the_given_items_are_carried() -> None:
    rows, targets = np.array([1, 4]), np.array([[1.0, 2.0], [3.0, 4.0]])
    for teacher in (Dense.of(SHOWN, SHOWN, 5.0), LowRank.of(SHOWN, 5.0)):
        left, right = teacher.carry(np.eye(7), np.arange(7))
        part = teacher.carry(targets, rows)
        np.testing.assert_allclose(part[0] @ part[1], (left @ right)[:, rows] @ targets, atol=1e-9)

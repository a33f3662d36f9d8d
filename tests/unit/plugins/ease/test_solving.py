import numpy as np
import pytest
from scipy import sparse

from firstlight_plugins.ease.pairs import Pairs
from firstlight_plugins.ease.solving import Nearest, Whole, penalised

RIDGE, DROPOUT, LATER = 0.5, 0.7, 0.3
ITEMS = 12


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    """Of 40 users who know 12 items each a little; targets differ from inputs."""
    generator = np.random.default_rng(1)
    x = generator.random((40, ITEMS)).astype(np.float32)
    y = x * generator.random((40, ITEMS)).astype(np.float32)
    later = (generator.random((ITEMS, ITEMS)) * (x.T @ y)).astype(np.float32)
    return Pairs(x.T @ x, x.T @ y, later, sparse.csr_array(np.triu(x.T @ y, 1)))


def column_by_column(pairs, ridge, dropout, later):
    """Each item regressed on all others, one system at a time."""
    together, targets = pairs.together.astype(float), pairs.mixed(later).astype(float)
    matrix = together + np.diag(penalised(np.diagonal(together), ridge, dropout) - np.diagonal(together))
    found = np.zeros_like(matrix)
    for item in range(len(matrix)):
        others = np.setdiff1d(np.arange(len(matrix)), [item])
        found[others, item] = np.linalg.solve(matrix[np.ix_(others, others)], targets[others, item])
    return found


def test_whole_is_the_regression_on_all_other_items(pairs) -> None:
    found = Whole(pairs, ridge=RIDGE, dropout=DROPOUT).weights(LATER)
    np.testing.assert_allclose(found, column_by_column(pairs, RIDGE, DROPOUT, LATER), atol=1e-4)
    assert (np.diagonal(found) == 0).all()


def test_whole_is_the_formula_of_the_paper(pairs) -> None:
    same = Pairs(pairs.together, pairs.together, None, pairs.following)
    together = pairs.together.astype(float)
    ridge = penalised(np.diagonal(together), RIDGE, 0.0) - np.diagonal(together)
    inverse = np.linalg.inv(together + np.diag(ridge))
    right = np.eye(ITEMS) - inverse / np.diagonal(inverse)
    np.testing.assert_allclose(Whole(same, ridge=RIDGE, dropout=0.0).weights(0.0), right, atol=1e-4)


@pytest.fixture(params=["dense", "sparse"])
def either(request, pairs) -> Pairs:
    """The same pairs, as arrays and as sparse arrays."""
    if request.param == "dense":
        return pairs
    together, wanted, later = (sparse.csr_array(each) for each in (pairs.together, pairs.wanted, pairs.later))
    return Pairs(together, wanted, later, pairs.following)


def test_nearest_of_all_items_is_whole(pairs, either) -> None:
    whole = Whole(pairs, ridge=RIDGE, dropout=DROPOUT).weights(LATER)
    nearest = Nearest(either, ridge=RIDGE, dropout=DROPOUT, nearest=ITEMS).weights(LATER)
    np.testing.assert_allclose(nearest.toarray(), whole, atol=1e-4)


def test_nearest_solves_each_item_on_its_nearest(pairs, either) -> None:
    found = Nearest(either, ridge=RIDGE, dropout=DROPOUT, nearest=3).weights(LATER).toarray()
    assert ((found != 0).sum(axis=0) == 3).all()
    targets, counts = pairs.mixed(LATER), np.diagonal(pairs.together)
    matrix = pairs.together + np.diag(penalised(counts, RIDGE, DROPOUT) - counts)
    for item in range(ITEMS):
        alike = targets[:, item] / np.sqrt(counts)
        alike[item] = 0
        others = np.argsort(-alike)[:3]
        right = np.linalg.solve(matrix[np.ix_(others, others)], targets[others, item])
        np.testing.assert_allclose(found[others, item], right, atol=1e-4)


@pytest.mark.parametrize("solver", [Whole, Nearest])
def test_scores_are_histories_times_weights(pairs, solver) -> None:
    made = solver(pairs, ridge=RIDGE, dropout=DROPOUT)
    histories = sparse.csr_array(np.random.default_rng(0).integers(2, size=(5, ITEMS)).astype(np.float32))
    columns = np.array([0, 3, 11])
    right = np.asarray((histories @ sparse.csr_array(made.weights(LATER)))[:, columns].toarray())
    np.testing.assert_allclose(made.scores(histories, columns, LATER), right, atol=1e-4)


@pytest.mark.parametrize("solver", [Whole, Nearest])
def test_nothing_known_gives_no_weights(solver) -> None:
    empty = np.zeros((4, 4), np.float32)
    found = sparse.csr_array(
        solver(Pairs(empty, empty, None, sparse.csr_array((4, 4))), ridge=1.0, dropout=1.0).weights(0.0)
    )
    assert found.nnz == 0

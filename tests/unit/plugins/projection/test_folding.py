import numpy as np
import pytest

from firstlight_plugins.projection.folding import ItemFolding
from firstlight_plugins.projection.scaling import standardised

STATES = np.random.default_rng(0).standard_normal((4, 6))
PRIOR = np.arange(6.0)
MEAN = np.full(6, 0.5)


def test_it_is_the_least_squares_solution() -> None:
    weights = np.array([1.0, 2.0, -0.5, 1.0])
    found = ItemFolding(MEAN, 3.0, 5.0).fold_in(PRIOR, STATES, weights)
    strength, wanted = np.abs(weights), np.where(weights > 0, 5.0, 0.0) + STATES @ MEAN
    system = (STATES.T * strength) @ STATES + 3.0 * np.eye(6)
    slow = np.linalg.solve(system, (STATES.T * strength) @ wanted + 3.0 * PRIOR)
    np.testing.assert_allclose(found, slow, atol=1e-9)


@pytest.mark.parametrize("ridge", [np.inf, 1.0])
def test_without_interactions_content_alone_counts(ridge) -> None:
    folding = ItemFolding(MEAN, ridge, 5.0)
    np.testing.assert_array_equal(folding.fold_in(PRIOR, STATES[:0], np.zeros(0)), PRIOR)
    np.testing.assert_array_equal(folding.fold_in(PRIOR, STATES, np.zeros(4)), PRIOR)


def test_a_like_raises_and_a_dislike_lowers_the_score_of_its_user() -> None:
    folding, prior = ItemFolding(MEAN, 3.0, 5.0), MEAN + STATES[0]
    before = STATES[0] @ (prior - MEAN)
    assert 0 < before < 8
    folding = ItemFolding(MEAN, 3.0, before + 1)
    for weight, sign in ((1.0, 1), (-1.0, -1)):
        after = STATES[0] @ (folding.fold_in(prior, STATES[:1], np.array([weight])) - MEAN)
        assert np.sign(after - before) == sign


def test_standardised_states_give_scores_of_deviation_one() -> None:
    items = np.random.default_rng(1).standard_normal((200, 6))
    states = standardised(np.vstack([STATES, np.zeros(6)]), np.cov(items.T, bias=True))
    np.testing.assert_allclose((states @ items.T).std(axis=1), [1, 1, 1, 1, 0], atol=1e-9)

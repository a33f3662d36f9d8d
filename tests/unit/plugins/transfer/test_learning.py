"""The two regressions, on data whose parameters are known."""

import numpy as np

from firstlight.domain import Histories
from firstlight_plugins.transfer.rates import Rates, fit_rates
from firstlight_plugins.transfer.taste import Form, Moments, Space, contexts

TRUTH = np.array([1.0, -0.5])
ALL = np.ones(2, bool)


def votes(items, level=1.0, seed=0):
    generator = np.random.default_rng(seed)
    content = generator.integers(0, 2, (items, 2)).astype(np.float32)
    return content, generator.poisson(np.exp(content @ TRUTH + level)).astype(float)


def test_rates_are_found():
    content, counts = votes(2_000)
    found = fit_rates(content, counts, [np.zeros(2)], shape=None, free=ALL, seed=0)
    np.testing.assert_allclose(found.coefficients, TRUTH, atol=0.1)
    assert found.shape == 4.0  # as little spread as can be told


def test_what_the_source_says_is_kept_where_little_is_known():
    content, counts = votes(6, level=-1.0)
    alone = fit_rates(content, counts, [np.zeros(2)], shape=1.0, free=ALL, seed=0)
    carried = fit_rates(content, counts, [TRUTH], shape=1.0, free=ALL, seed=0)
    assert np.abs(carried.coefficients - TRUTH).max() < np.abs(alone.coefficients - TRUTH).max()


def test_only_the_level_moves_when_frozen():
    content, counts = votes(2_000, level=2.0)
    found = fit_rates(content, counts, [TRUTH], shape=1.0, free=~ALL, seed=0)
    np.testing.assert_array_equal(found.coefficients, TRUTH)
    np.testing.assert_allclose(found.level, 2.0, atol=0.05)
    np.testing.assert_allclose(found.expected(content).sum(), counts.sum(), rtol=1e-6)


def test_votes_outweigh_expectations_as_they_grow():
    rates = Rates(np.zeros(0), 0.0, shape=1.0)
    counts, seen = np.array([0.0, 1.0, 100.0, 0.0]), np.array([True, True, True, False])
    np.testing.assert_allclose(rates.posterior(np.ones(4), counts, seen), [0.5, 1.0, 50.5, 1.0])


def test_contexts_sum_what_was_liked_and_what_was_not():
    content = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32)
    space = Space.of(content, np.array([1.0, 1.0, 0.0]))
    histories = Histories.from_rows([[0, 2], [], [1]], [[5.0, 4.0], [], [1.0]])
    found = contexts(space, histories, np.ones((3, 1), np.float32), positive_value=4.0, crowding=2.0)
    np.testing.assert_allclose(found[0], [1, 0.5, 0, 0, 0])
    np.testing.assert_allclose(found[1], [1, 0, 0, 0, 0])
    np.testing.assert_allclose(found[2], np.array([1, 0, 0, -0.5 / 3**0.5, 0.5 / 3**0.5]))


def test_a_strong_pull_gives_the_start_and_a_weak_one_the_data():
    generator = np.random.default_rng(0)
    content = np.repeat(np.eye(2, dtype=np.float32), 20, axis=0)
    rows = [(generator.permutation(20)[:16] + 20 * (user % 2)).tolist() for user in range(60)]
    space = Space.of(content, np.ones(40))
    moments = Moments.of(
        space, Histories.from_rows(rows), np.zeros((60, 0), np.float32), positive_value=4.0, crowding=5.0
    )
    form = Form(moments)
    start = generator.normal(size=(4, 2))
    np.testing.assert_allclose(form.solve(1e9, start), start, atol=1e-3)
    taste = form.solve(1.0, np.zeros((4, 2)))
    assert taste[0, 0] > 0 > taste[0, 1]  # who liked the first kind goes on with it
    assert taste[1, 1] > 0 > taste[1, 0]

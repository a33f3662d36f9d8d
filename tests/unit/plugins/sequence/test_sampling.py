import numpy as np

from firstlight import Histories
from firstlight_plugins.sequence.sampling import Sampler
from firstlight_plugins.sequence.tokens import Scaling, tokenise


def sampler(*, ordered=True, **more):
    histories = Histories.from_rows([list(range(30)), [5, 6, 5], [7], []], [[5.0] * 29 + [1.0], [4, 4, 4], [5], []])
    return Sampler(histories, 4.0, ordered=ordered, max_shown=20, **more)


def wanted(problem, row):
    return problem.targets[row][problem.weights[row] > 0].tolist()


def test_fixed_problems_are_the_new_user_protocol():
    problem = sampler().fixed(np.array([0, 1, 2, 3]), 3, seed=0)
    assert problem.shown.of(0).tolist() == [0, 1, 2]
    assert wanted(problem, 0) == list(range(10, 29))
    assert problem.shown.of(1).tolist() == [5]
    assert wanted(problem, 1) == [6]
    assert wanted(problem, 2) == [7]
    assert wanted(problem, 3) == []


def test_nothing_shown_is_asked_for_and_something_is_left_to_find():
    rng = np.random.default_rng(0)
    for ordered in (True, False):
        deal = sampler(ordered=ordered)
        for _ in range(50):
            problem = deal.draw(np.array([0, 1, 2]), rng)
            for row in range(3):
                shown = problem.shown.of(row).tolist()
                assert not set(shown) & set(wanted(problem, row))
                assert len(shown) <= 20
            assert len(problem.shown.of(2)) == 0
            assert wanted(problem, 0)


def test_values_as_targets_include_what_was_disliked():
    problem = sampler(valued=True).fixed(np.array([0]), 0, seed=0)
    assert 29 in wanted(problem, 0)


def test_tokens_carry_value_kind_and_age():
    histories = Histories.from_rows(
        [[3, 4], []], [[5.0, np.nan], []], [[0, 7], []], [[86_400_000_000, 366 * 86_400_000_000], []]
    )
    tokens = tokenise(histories, Scaling(3.0, 1.0, 4.0, 2), limit=10)
    assert tokens.items.tolist() == [[3, 4], [-1, -1]]
    np.testing.assert_allclose(tokens.features[0], [[2, 1, 0, 1], [0, 1, 1, 0]], atol=1e-6)
    assert tokens.types.tolist() == [[0, 1], [0, 0]]
    assert tokens.mask.tolist() == [[1, 1], [0, 0]]
    assert tokenise(Histories.empty(2), Scaling(0.0, 1.0, 4.0, 1), limit=10).items.shape == (2, 1)


def test_tokens_say_how_many_came_later_where_order_counts():
    histories = Histories.from_rows([[3, 4, 5, 6], [7]])
    tokens = tokenise(histories, Scaling(0.0, 1.0, 4.0, 1, ordered=True), limit=3)
    assert tokens.items.tolist() == [[4, 5, 6], [7, -1, -1]]
    np.testing.assert_allclose(tokens.features[:, :, 4], [[1 / 3, 1 / 2, 1], [1, 0, 0]], atol=1e-6)

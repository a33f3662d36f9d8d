from dataclasses import replace

import numpy as np
import pytest

from firstlight import Candidates, FitOptions, Scores
from firstlight_plugins.student import teacher
from firstlight_plugins.student.teacher import KNOTS, assemble, proposed


class Noise:
    """Random scores that look sharp; ``honest`` says whether what it was fitted on holds the validation users."""

    requires = ()

    def __init__(self):
        self.users = None

    def fit(self, data, options):
        self.users = len(data.dataset.user_ids)
        return {}

    def score(self, queries, positions):
        values = np.random.default_rng(3).random(positions.shape).astype(np.float32)
        return Scores(np.where(positions >= 0, 9 * values, 0), positions >= 0)

    def generate(self, queries, limit):
        values = np.random.default_rng(4).random((len(queries), 22)).astype(np.float32)
        return Candidates.best(values, limit)


@pytest.fixture(scope="module")
def assembled(toolkit):
    data = toolkit.planted()
    noise = Noise()
    noise.fit(data, None)
    components = {"popularity": toolkit.prior(data.items), "noise": noise, "oracle": toolkit.oracle()}
    return data, components, *assemble(data, components, FitOptions())


def test_the_component_that_knows_gets_the_weight_and_noise_none(assembled):
    _, _, found, metrics = assembled
    at = KNOTS.index(3)
    assert found.weight[at, 2] > 0.3
    assert found.weight[at, 1] < 0.1
    np.testing.assert_allclose(found.weight.sum(axis=1), 1)
    assert metrics["weight oracle k=3"] == found.weight[at, 2]
    assert metrics["teacher_ndcg k=3"] > metrics["teacher_ndcg k=0"]


def test_weights_come_from_a_copy_that_has_not_seen_the_validation_users(toolkit):
    data = toolkit.planted()
    noise = Noise()
    noise.fit(data, None)
    asked = []
    usual = Noise.fit

    def fit(self, part, options):
        asked.append(set(part.dataset.user_ids))
        return usual(self, part, options)

    fitting = type("Fitting", (Noise,), {"fit": fit})()
    fitting.fit(data, None)
    components = {"popularity": toolkit.prior(data.items), "fitting": fitting}
    found, _ = assemble(data, components, FitOptions())
    held = {data.dataset.user_ids[row] for row in data.validation}
    assert len(asked) == 2
    assert not held & asked[1]
    assert found.components[1] is fitting
    assert fitting.users == len(data.dataset.user_ids), "the component itself was fitted again"


def test_a_component_with_states_is_not_fitted_again(assembled):
    assert assembled[1]["oracle"].fits == 0


def test_log_shares_sum_to_one_over_what_is_not_excluded(assembled, toolkit):
    _, _, found, _ = assembled
    queries = toolkit.ask([[], [3], [13, 14]])
    positions = toolkit.every(queries)
    excluded = queries.histories.holding(positions)
    shares = found.log_shares(queries, positions, excluded)
    assert shares.dtype == np.float32
    np.testing.assert_allclose(np.exp(shares).sum(axis=1), 1, rtol=1e-5)
    assert (np.isneginf(shares) == excluded).all()
    assert shares[1, :3].min() > shares[1, 10:20].max()


def test_shares_of_one_query_do_not_depend_on_the_batch(toolkit):
    data = toolkit.planted()
    components = {"popularity": toolkit.prior(data.items), "oracle": toolkit.oracle()}
    found, _ = assemble(data, components, FitOptions())
    queries = toolkit.ask([[], [3], [13, 14, 15]])
    positions = toolkit.every(queries)
    together = found.log_shares(queries, positions, queries.histories.holding(positions))
    for row in range(3):
        one = queries.take(np.array([row]))
        alone = found.log_shares(one, positions[row : row + 1], one.histories.holding(positions[row : row + 1]))
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-5)


def test_without_validation_users_all_weigh_the_same(toolkit):
    data = replace(toolkit.planted(), validation=np.zeros(0, np.int64))
    components = {"popularity": toolkit.prior(data.items), "oracle": toolkit.oracle()}
    found, metrics = assemble(data, components, FitOptions())
    np.testing.assert_array_equal(found.weight, 0.5)
    assert metrics == {}


def test_a_large_catalogue_is_what_the_components_propose_each_once(toolkit, monkeypatch):
    monkeypatch.setattr(teacher, "DENSE_ITEMS", 0)
    monkeypatch.setattr(teacher, "PROPOSALS", 5)
    data = toolkit.planted()
    queries = toolkit.ask([[3], []])
    rows = proposed((toolkit.prior(data.items), toolkit.oracle()), queries, 22)
    for row, found in zip(rows, ({*range(5)}, {*range(5)}), strict=True):
        kept = row[row >= 0].tolist()
        assert len(kept) == len(set(kept))
        assert found <= set(kept)

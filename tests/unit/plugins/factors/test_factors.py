from dataclasses import replace

import numpy as np
import pytest

from firstlight.domain import Histories, Queries, ReasonCode
from firstlight.roles import FitOptions
from firstlight.runtime import BundleRuntime
from firstlight.testing import CALM_ITEMS, LOUD_ITEMS, UNSEEN_ITEMS, tiny_dataset, tiny_training_data
from firstlight_plugins.factors import Factors, FactorsSettings, component as component_module
from firstlight_plugins.factors.training import fit_explicit, value_errors


@pytest.fixture(scope="module")
def data():
    return tiny_training_data()


@pytest.fixture(scope="module", params=["implicit", "explicit"])
def fitted(request, data):
    component = Factors(FactorsSettings(objective=request.param, embedding_size=4))
    return component, component.fit(data, FitOptions(seed=1))


def queries(data, rows, values=None):
    return Queries(data.profiles[: len(rows)], Histories.from_rows(rows, values))


def test_three_items_reveal_the_taste(data, fitted) -> None:
    found = fitted[0].generate(queries(data, [[0, 2, 4], [1, 3, 5]], [[5.0] * 3] * 2), 6).positions
    assert set(found[0]) <= set(CALM_ITEMS)
    assert set(found[1]) <= set(LOUD_ITEMS)


def test_values_are_predicted_better_than_by_levels_alone(data) -> None:
    """On other users of two tastes, where an item's mean says nothing."""
    dataset = tiny_dataset(seed=9)
    learnt, flat = (fit_explicit(data.dataset, size=size, iterations=5, seed=0) for size in (4, 1))
    flat = replace(flat, factors=np.zeros_like(flat.factors))
    errors, baseline = value_errors(learnt, dataset), value_errors(flat, dataset)
    assert 0 < errors["mae"] <= errors["rmse"] < 0.8 * baseline["rmse"]


def test_a_fit_reports_its_value_errors(fitted) -> None:
    assert {"rmse", "mae"} <= set(fitted[1])


def test_unknown_without_history_and_for_unseen_items(data, fitted) -> None:
    positions = np.tile(np.array([0, *UNSEEN_ITEMS], np.int32), (3, 1))
    scores = fitted[0].score(queries(data, [[], [0], [UNSEEN_ITEMS[0]]]), positions)
    assert scores.known.tolist() == [[False] * 3, [True, False, False], [False] * 3]


def test_the_reason_is_the_largest_true_part(data, fitted) -> None:
    component = fitted[0]
    asked = queries(data, [[0, 2, 1]], [[5.0, 5.0, 1.0]])
    (reason,) = component.explain(asked, np.array([[4]], np.int32))[0]
    assert reason.code == ReasonCode.SIMILAR_TO_HISTORY
    parts = component._folding.parts(asked.histories, np.array([4], np.int32))[:, 0]
    assert reason.history_position == [0, 2, 1][parts.argmax()]


def test_parts_sum_to_the_score_without_a_centre(data, fitted) -> None:
    component = fitted[0]
    folding = replace(component._folding, centre=np.zeros_like(component._folding.centre))
    history = Histories.from_rows([[0, 2, 1]], [[5.0, 5.0, 1.0]])
    candidates = np.arange(6, dtype=np.int32)
    whole = folding.users(history)[0] @ folding.factors[candidates].T
    np.testing.assert_allclose(folding.parts(history, candidates).sum(axis=0), whole, atol=1e-4)


def test_no_values_means_no_value_errors(data) -> None:
    dataset = data.dataset
    bare = replace(
        dataset,
        schema=replace(dataset.schema, has_values=False),
        histories=replace(dataset.histories, values=np.full_like(dataset.histories.values, np.nan)),
    )
    metrics = Factors().fit(replace(data, dataset=bare), FitOptions())
    assert "rmse" not in metrics


def test_a_large_catalogue_is_searched_by_its_index(data, fitted, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(component_module, "DENSE_LIMIT", 0)
    component, _ = fitted
    component.export(tmp_path)
    loaded = Factors(component.settings)
    loaded.load(tmp_path, BundleRuntime(data.items, {}))
    queries = Queries(data.profiles[:3], Histories.from_rows([[0, 2], [1], []], [[5.0, 1.0], [5.0], []]))
    dense, found = component.generate(queries, 6), loaded.generate(queries, 6)
    assert found.positions.tolist() == dense.positions.tolist()
    np.testing.assert_allclose(found.scores, dense.scores, atol=1e-5)

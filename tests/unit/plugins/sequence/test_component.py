import json

import numpy as np
import pytest

from firstlight import InvalidInputError, ItemTable, PluginError, ReasonCode
from firstlight.plugins import load_plugins
from firstlight.runtime import BundleRuntime
from firstlight_plugins.sequence import Sequence, SequenceConfig, component
from firstlight_plugins.sequence.search import ExactSearch


@pytest.fixture(scope="module")
def exported(fitted, tmp_path_factory):
    directory = tmp_path_factory.mktemp("sequence")
    fitted.component.export(directory)
    return directory


def load(fitted, directory):
    table = fitted.data.items
    items = ItemTable(table.base_content, table.base_counts)
    loaded = Sequence()
    loaded.load(directory, BundleRuntime(items, {"popularity": fitted.prior}))
    return loaded, items


def test_is_registered_and_refuses_an_unknown_setting():
    registration = load_plugins().registrations["sequence"]
    assert registration.role == "cold_start_strategy"
    with pytest.raises(InvalidInputError, match="did you mean 'epochs'"):
        registration.create({"epoch": 3})


def test_a_taste_shown_by_one_item_ranks_its_other_items_first(fitted, toolkit):
    queries = toolkit.ask([[3], [13]])
    values = fitted.component.score(queries, toolkit.every(queries)).values
    rest = np.delete(np.arange(10), 3)
    assert values[0, rest].min() > values[0, 10:20].max()
    assert values[1, 10 + rest].min() > values[1, :10].max()


def test_what_was_disliked_speaks_against_its_kind(fitted, toolkit):
    queries = toolkit.ask([[3], [3]], [[5.0], [1.0]])
    values = fitted.component.score(queries, toolkit.every(queries)).values
    lift = values[:, :10].mean(axis=1) - values[:, 10:20].mean(axis=1)
    assert lift[0] > 0
    assert lift[1] < 0


def test_an_item_nobody_chose_is_scored_by_its_content(fitted, toolkit):
    queries = toolkit.ask([[3, 4], [13, 14]])
    scores = fitted.component.score(queries, np.array([[20, 21], [20, 21]], np.int32))
    assert scores.known.all()
    assert scores.values[0, 0] > scores.values[0, 1]
    assert scores.values[1, 1] > scores.values[1, 0]


def test_without_history_the_prior_leads(fitted, toolkit):
    queries = toolkit.ask([[], [3]])
    states = fitted.component.states(queries)
    assert np.isfinite(states).all()
    assert np.abs(states[0]).max() < np.abs(states[1]).max() / 4


def test_batch_equals_single(fitted, toolkit):
    queries = toolkit.ask([[], [3], [3, 14, 5, 6, 17], [13, 2]])
    positions = toolkit.every(queries)
    together = fitted.component.score(queries, positions).values
    for row in range(len(queries)):
        alone = fitted.component.score(queries.take(np.array([row])), positions[:1]).values
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)


def test_edges(fitted, toolkit):
    part = fitted.component
    none, one = toolkit.ask([]), toolkit.ask([[3]])
    padded = part.score(one, np.array([[-1, 2]], np.int32))
    assert padded.known.tolist() == [[False, True]]
    assert padded.values[0, 0] == 0
    assert part.score(one, np.zeros((1, 0), np.int32)).values.shape == (1, 0)
    assert part.score(none, np.zeros((0, 3), np.int32)).values.shape == (0, 3)
    assert part.generate(one, 0).positions.shape == (1, 0)
    assert part.generate(one, 10**6).positions.shape == (1, 22)
    assert part.explain(none, np.zeros((0, 3), np.int32)) == []
    assert part.embed_items(np.zeros((0, 2), np.float32)).shape == (0, 64)
    long = toolkit.ask([[3] * 5000])
    assert np.isfinite(part.score(long, toolkit.every(long)).values).all()


def test_loaded_equals_fitted(fitted, exported, toolkit):
    loaded, _ = load(fitted, exported)
    queries = toolkit.ask([[], [3], [3, 14, 5]], [[], [np.nan], [5, 1, 3]])
    positions = toolkit.every(queries)
    np.testing.assert_allclose(
        loaded.score(queries, positions).values, fitted.component.score(queries, positions).values, atol=1e-5
    )
    assert loaded.generate(queries, 5).positions.tolist() == fitted.component.generate(queries, 5).positions.tolist()
    assert json.loads((exported / "sequence.json").read_text())["max_history"] == SequenceConfig().max_history


def test_what_was_loaded_cannot_be_exported_and_says_so(fitted, exported, tmp_path):
    loaded, _ = load(fitted, exported)
    with pytest.raises(PluginError, match="'sequence' was loaded from a bundle"):
        loaded.export(tmp_path)


def test_vectors_place_items_by_taste(fitted, exported):
    loaded, items = load(fitted, exported)
    new = items.append(np.array([[1, 0]], np.float32))
    vectors = loaded.item_vectors(np.arange(int(new[0]) + 1, dtype=np.int32))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near = vectors @ vectors[3]
    assert near[:10].min() > near[10:20].max()
    assert near[new[0]] > near[10:20].max()


def test_live_items_work_as_target_and_as_history_and_may_change(fitted, exported, toolkit):
    loaded, items = load(fitted, exported)
    queries = toolkit.ask([[3, 4]])
    before = loaded.generate(queries, 100).positions
    new = items.append(np.array([[1, 0], [0, 1]], np.float32))
    values = loaded.score(queries, new[None]).values[0]
    assert values[0] > values[1]
    assert set(new) <= set(loaded.generate(queries, 100).positions[0]) - set(before[0])
    shown = toolkit.ask([[int(new[0])]])
    lists = loaded.score(shown, toolkit.every(shown)).values[0]
    assert lists[:10].mean() > lists[10:20].mean()
    items.replace_live(int(new[0]), np.array([0, 1], np.float32))
    changed = loaded.score(queries, new[None]).values[0]
    assert changed[0] == pytest.approx(values[1], abs=1e-5)


def test_generate_in_a_large_catalogue_finds_what_dense_scoring_finds(fitted, toolkit, monkeypatch):
    queries = toolkit.ask([[3], [13], []])
    dense = fitted.component.generate(queries, 6)
    monkeypatch.setattr(component, "DENSE_LIMIT", 0)
    sparse = fitted.component.generate(queries, 6)
    np.testing.assert_allclose(sparse.scores[:2], dense.scores[:2], atol=1e-5)
    assert all(len(set(row)) == 6 for row in sparse.positions)


def test_exact_search_is_the_inner_product():
    vectors = np.array([[1, 0], [0, 1], [2, 2]], np.float32)
    found = ExactSearch(vectors).search(np.array([[1, 0], [0, -1]], np.float32), 2)
    assert found.positions.tolist() == [[2, 0], [0, 1]]
    assert found.scores.tolist() == [[2, 1], [0, -1]]
    assert ExactSearch(vectors).search(np.zeros((0, 2), np.float32), 9).positions.shape == (0, 3)


def test_reasons_are_true_for_the_score(fitted, toolkit):
    part = fitted.component
    queries = toolkit.ask([[13, 3], []], [[1.0, 5.0], []])
    queries.profiles[1, 0] = 1
    reasons = part.explain(queries, np.array([[4, -1], [0, 15]], np.int32))
    assert reasons[0][0].code is ReasonCode.SIMILAR_TO_HISTORY
    assert reasons[0][0].history_position == 3
    assert reasons[0][1] is None
    assert (reasons[1][0].code, reasons[1][0].attribute) == (ReasonCode.MATCHES_PROFILE, "group=x")
    assert reasons[1][1].code in (ReasonCode.POPULAR, ReasonCode.MATCHES_PROFILE)
    full = part.score(queries, np.array([[4], [0]], np.int32)).values
    without = part.score(toolkit.ask([[13], []], [[1.0], []]), np.array([[4], [0]], np.int32)).values
    assert (without < full).all()

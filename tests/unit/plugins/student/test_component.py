import json

import numpy as np
import pytest
from pydantic import ValidationError

from firstlight import Histories, ItemTable, PluginError, ReasonCode
from firstlight.runtime import BundleRuntime
from firstlight_plugins.student import Student, StudentSettings, component
from firstlight_plugins.student.encoding import together


@pytest.fixture(scope="module")
def exported(fitted, tmp_path_factory):
    directory = tmp_path_factory.mktemp("student")
    fitted.component.export(directory)
    return directory


def load(fitted, directory):
    table = fitted.data.items
    items = ItemTable(table.base_content, table.base_counts)
    loaded = Student()
    loaded.load(directory, BundleRuntime(items, {"popularity": fitted.prior}))
    return loaded, items


def test_it_requires_the_prior_alone_and_learns_from_its_teachers():
    assert Student().requires == ("popularity",)
    assert Student().learns_from == ("sequence", "neighbours", "factors")
    assert Student(StudentSettings(teachers=("ease",))).learns_from == ("ease",)


def test_unknown_settings_and_variants_are_refused():
    with pytest.raises(ValidationError):
        StudentSettings(variant="float16")
    with pytest.raises(ValidationError):
        StudentSettings(tempurature=2)


def test_a_taste_shown_by_one_item_ranks_its_other_items_first(fitted, toolkit):
    queries = toolkit.ask([[3], [13]])
    values = fitted.component.score(queries, toolkit.every(queries)).values
    rest = np.delete(np.arange(10), 3)
    assert values[0, rest].min() > values[0, 10:20].max()
    assert values[1, 10 + rest].min() > values[1, :10].max()


def test_a_disliked_item_says_less_for_its_taste_than_a_liked_one(fitted, toolkit):
    queries = toolkit.ask([[3], [3]], [[5.0], [1.0]])
    values = fitted.component.score(queries, toolkit.every(queries)).values
    margin = values[:, :10].mean(axis=1) - values[:, 10:20].mean(axis=1)
    assert margin[0] > margin[1]


def test_items_without_interactions_follow_their_content(fitted, toolkit):
    queries = toolkit.ask([[3], [13], [20], [21]])
    values = fitted.component.score(queries, toolkit.every(queries)).values
    assert values[0, 20] > values[0, 21]
    assert values[1, 21] > values[1, 20]
    margin = values[:, :10].mean(axis=1) - values[:, 10:20].mean(axis=1)
    assert margin[2] > margin[3], "an unseen item in a history says nothing"


def test_a_live_item_is_scored_as_an_unseen_one_of_the_same_content(fitted, exported, toolkit):
    loaded, items = load(fitted, exported)
    items.append(np.array([[1, 0]], np.float32))
    queries = toolkit.ask([[3, 22], [22]])
    values = loaded.score(queries, toolkit.every(queries, 23)).values
    np.testing.assert_allclose(values[:, 22], values[:, 20], atol=1e-6)
    assert 22 in loaded.generate(queries, 12).positions[0]


def test_an_empty_history_and_a_longer_neighbour_change_nothing(fitted, toolkit):
    queries = toolkit.ask([[], [3], [3, 14, 5]])
    together_, positions = fitted.component.score(queries, toolkit.every(queries)).values, toolkit.every(queries)
    for row in range(3):
        alone = fitted.component.score(queries.take(np.array([row])), positions[:1]).values
        np.testing.assert_allclose(alone[0], together_[row], atol=1e-5)


def test_only_the_newest_of_a_long_history_count(toolkit):
    part = toolkit.fit(epochs=1, max_history=2).component
    long, short = toolkit.ask([[13, 14, 3, 4]]), toolkit.ask([[3, 4]])
    np.testing.assert_array_equal(part.states(long), part.states(short))


def test_lists_of_a_large_catalogue_agree_with_scores(fitted, exported, toolkit, monkeypatch):
    dense = fitted.component.generate(toolkit.ask([[3]]), 5)
    monkeypatch.setattr(component, "DENSE_LIMIT", 0)
    loaded, _ = load(fitted, exported)
    queries = toolkit.ask([[3], []])
    for part in (loaded, fitted.component):
        found = part.generate(queries, 5)
        scores = part.score(queries, found.positions)
        np.testing.assert_allclose(found.scores, scores.values, atol=1e-5)
    assert set(dense.positions[0]) <= set(loaded.generate(queries, 22).positions[0])


def test_it_is_explained_by_the_liked_item_that_counts_most(fitted, toolkit):
    queries = toolkit.ask([[3, 14], []], [[5.0, 1.0], []])
    positions = np.array([[5, 15, -1], [0, 5, -1]], np.int32)
    first, second = fitted.component.explain(queries, positions)
    assert (first[0].code, first[0].history_position) == (ReasonCode.SIMILAR_TO_HISTORY, 3)
    assert first[1].code == ReasonCode.POPULAR
    assert [reason.code if reason else None for reason in second] == [ReasonCode.POPULAR, ReasonCode.POPULAR, None]


@pytest.mark.parametrize("variant", ["int8", "pruned"])
def test_smaller_forms_keep_the_tastes_and_take_fewer_bytes(toolkit, exported, variant, tmp_path):
    done = toolkit.fit(variant=variant)
    queries = toolkit.ask([[3], [13]])
    values = done.component.score(queries, toolkit.every(queries)).values
    assert values[0, :10].min() > values[0, 10:20].max()
    done.component.export(tmp_path)

    def size(directory):
        return sum(path.stat().st_size - 128 for path in directory.glob("items.*.npy"))

    assert size(tmp_path) < 0.9 * size(exported)
    loaded, _ = load(done, tmp_path)
    positions = toolkit.every(queries)
    np.testing.assert_allclose(loaded.score(queries, positions).values, values, atol=1e-5)


def test_the_form_that_was_trained_is_served_whatever_the_setting_says_now(fitted, exported):
    assert json.loads((exported / "student.json").read_text("utf-8"))["variant"] == "float32"
    loaded = Student(StudentSettings(variant="int8"))
    items = ItemTable(fitted.data.items.base_content, fitted.data.items.base_counts)
    loaded.load(exported, BundleRuntime(items, {"popularity": fitted.prior}))
    assert loaded.codes(np.array([3], np.int32)).shape == (1, 24)


def test_a_loaded_student_cannot_be_exported(fitted, exported, tmp_path):
    loaded, _ = load(fitted, exported)
    with pytest.raises(PluginError, match="only where it was fitted"):
        loaded.export(tmp_path)


def test_histories_are_padded_on_the_right():
    histories = Histories.from_rows([[1, 2], [], [3]])
    found = together(histories, histories.items, -1)
    np.testing.assert_array_equal(found, [[1, 2], [-1, -1], [3, -1]])
    assert together(Histories.from_rows([[]]), np.zeros(0, np.int32), -1).tolist() == [[-1]]

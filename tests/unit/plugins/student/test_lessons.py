import numpy as np
import pytest

from firstlight import FitOptions
from firstlight_plugins.student import lessons, teacher
from firstlight_plugins.student.lessons import Desk
from firstlight_plugins.student.teacher import assemble


def desk(toolkit, **planted):
    data = toolkit.planted(**planted)
    oracle = toolkit.oracle()
    components = {"popularity": toolkit.prior(data.items), "oracle": oracle}
    return Desk(data, assemble(data, components, FitOptions())[0], oracle.states, max_shown=5)


def found_items(lesson, row):
    real = lesson.weights[row] > 0
    return set(lesson.positions[row, lesson.targets[row, real]].tolist())


@pytest.mark.parametrize("dense", [True, False])
def test_what_is_shown_is_never_to_be_found_and_targets_are_liked(toolkit, monkeypatch, dense):
    if not dense:
        for module in (lessons, teacher):
            monkeypatch.setattr(module, "DENSE_ITEMS", 0)
        monkeypatch.setattr(lessons, "NEGATIVES", 8)
    source = desk(toolkit)
    rows = np.arange(60)
    lesson = source.draw(rows, np.random.default_rng(0))
    histories = source.data.dataset.histories
    for n, row in enumerate(rows):
        shown, wanted = set(lesson.shown.of(n).tolist()), found_items(lesson, n)
        assert not shown & wanted
        own = set(range(10)) if row % 2 == 0 else set(range(10, 20))
        assert wanted <= own & set(histories.of(row).tolist())
        assert not lesson.excluded[n, lesson.targets[n, lesson.weights[n] > 0]].any()
        visible = lesson.positions[n, ~lesson.excluded[n]]
        assert not shown & set(visible.tolist())
    np.testing.assert_allclose(np.exp(lesson.shares).sum(axis=1), 1, rtol=1e-4)
    assert lesson.states.shape == (60, 1)
    assert (lesson.shown.lengths == 0).any()
    assert lesson.shown.lengths.max() <= 5


def test_drawn_candidates_are_corrected_and_others_are_not(toolkit, monkeypatch):
    for module in (lessons, teacher):
        monkeypatch.setattr(module, "DENSE_ITEMS", 0)
    monkeypatch.setattr(lessons, "NEGATIVES", 8)
    lesson = desk(toolkit).draw(np.arange(20), np.random.default_rng(0))
    assert (lesson.correction[:-8] == 0).all()
    assert (lesson.correction[-8:] != 0).all()
    certain = lesson.positions[:, :-8]
    for row in range(20):
        kept = certain[row, ~lesson.excluded[row, :-8]]
        assert len(set(kept.tolist())) == len(kept)


def test_one_value_in_ten_is_forgotten_but_the_teacher_knows_it(toolkit):
    source = desk(toolkit)
    lesson = source.draw(np.tile(np.arange(60), 10), np.random.default_rng(0))
    assert 0.05 < np.isnan(lesson.shown.values).mean() < 0.15


def test_fixed_lessons_show_the_first_and_have_no_teacher(toolkit):
    source = desk(toolkit)
    lesson = source.fixed(np.array([4, 5]), 2, seed=0)
    assert lesson.shares.shape == (2, 0)
    for n, row in enumerate((4, 5)):
        np.testing.assert_array_equal(lesson.shown.of(n), source.data.dataset.histories.of(row)[:2])


def test_data_without_times_and_values_is_dealt_too(toolkit):
    lesson = desk(toolkit, values=False, times=False).draw(np.arange(30), np.random.default_rng(0))
    assert np.isfinite(lesson.weights).all()
    assert lesson.weights.sum() > 0

"""What a trial is worth, and that nothing of an excluded fold is in it."""

import numpy as np
import pytest

from firstlight.errors import InvalidInputError
from firstlight.evaluation.protocols import deal_folds, splits
from firstlight.roles import FitOptions, no_progress
from firstlight.tuning.objective import OBJECTIVES, held_out_fold, quality


def worth(dataset, plugins, settings, objective="new-user", steps=None):
    return quality(
        dataset,
        plugins,
        settings,
        FitOptions(),
        objective=objective,
        catalog_id="default",
        step=lambda number, value: steps.append((number, value)) if steps is not None else None,
        progress=no_progress,
    )


def test_a_trial_tells_after_each_fit_and_is_worth_what_the_last_says(make_dataset, plugins, settings):
    steps = []
    value = worth(make_dataset(users=60, items=40), plugins, settings, steps=steps)
    assert [number for number, _ in steps] == [0, 1, 2]
    assert steps[-1][1] == value
    assert 0 < value < 1


def test_what_is_asked_about_nobody_is_an_error(make_dataset, plugins, settings):
    with pytest.raises(InvalidInputError, match="nobody can be asked"):
        worth(make_dataset(users=1), plugins, settings)


def test_every_objective_has_slices():
    assert set(OBJECTIVES) == {"new-user", "new-item", "warm"}
    assert not "new-user × new-item k=0".startswith(OBJECTIVES["new-user"])


def test_an_excluded_fold_is_what_evaluate_holds_out(dataset):
    rest = held_out_fold(dataset, 1, seed=7)
    split = splits(dataset, "new-user", folds=2, seed=7)[1]
    assert set(rest.user_ids) == set(split.training.user_ids)
    new = deal_folds(len(dataset.item_ids), 8) == 1
    assert rest.counts()[new].sum() == 0
    assert rest.item_ids == dataset.item_ids
    assert np.intersect1d(rest.user_ids, [dataset.user_ids[u] for u in split.cases[0].users]).size == 0

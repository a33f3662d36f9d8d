"""Cross-fitting: what is held out, what is asked, and that the fit never saw it."""

from __future__ import annotations

import numpy as np

from firstlight.domain import Queries
from firstlight.features import FeatureEncoders
from firstlight.roles import FitOptions, no_progress
from firstlight.training import problems
from firstlight.training.blocks import deal, remaining
from firstlight.training.crossfit import block_examples, held_out_problem, new_item_problem
from firstlight.training.fitting import fit
from firstlight.training.metrics import held_by, members


def fit_on(part, plugins, settings):
    return fit(part, plugins, settings, FitOptions(), catalog_id="default", text=None, progress=no_progress)


def test_targets_do_not_depend_on_k_and_follow_the_history(dataset):
    block = deal("default", dataset)[0]
    encoders = FeatureEncoders.fit(remaining(dataset, block))
    found = {k: held_out_problem(dataset, block, encoders, k, "default") for k in (0, 1, 3)}
    for k, problem in found.items():
        assert len(problem) > 10
        assert (problem.queries.histories.lengths == k).all()
        assert not held_by(problem.targets, problem.queries.histories).any()
        assert not block.hidden[problem.queries.histories.items].any()
    shared = np.isin(found[0].users, found[3].users)
    assert found[0].targets.take(np.flatnonzero(shared)).items.tolist() == found[3].targets.items.tolist()


def test_after_twenty_interactions_targets_are_what_follows(dataset):
    block = deal("default", dataset)[0]
    encoders = FeatureEncoders.fit(remaining(dataset, block))
    problem = held_out_problem(dataset, block, encoders, 20, "default")
    assert (problem.queries.histories.lengths == 20).all()
    assert not len(held_out_problem(dataset, block, encoders, 50, "default"))


def test_one_fit_yields_every_slice(dataset, plugins, settings):
    block = deal("default", dataset)[0]
    fitted = fit_on(remaining(dataset, block), plugins, settings)
    found = block_examples(dataset, block, fitted, catalog_id="default", seed=0)
    names = [example.examples.slice_name for example in found]
    assert names == [*(f"new-user k={k}" for k in (0, 1, 3, 5, 10, 20)), "new-item"]
    for example in found:
        inputs = example.examples.inputs
        assert (example.examples.relevant <= (inputs.positions >= 0)).all()
        assert (example.examples.total_relevant >= example.examples.relevant.sum(axis=1)).all()
        assert (inputs.counts == 0)[inputs.positions >= 0].any()
    newest = found[-1].examples.inputs
    assert (newest.counts == 0).all()


def test_new_item_targets_are_hidden_items_the_user_liked(dataset, plugins, settings):
    block = deal("default", dataset)[1]
    fitted = fit_on(remaining(dataset, block), plugins, settings)
    problem = new_item_problem(dataset, block, fitted, "default")
    assert block.hidden[problem.targets.items].all()
    assert problem.targets.positive(4.0).all()
    assert not members(problem.targets.items[None], problem.queries.histories.take(np.array([0]))).any()


def test_candidates_in_batches_are_the_same(dataset, plugins, settings, monkeypatch):
    fitted = fit_on(dataset, plugins, settings)
    queries = Queries(fitted.data.profiles, dataset.histories.oldest(3), dataset.user_attributes)
    whole = fitted.model().candidates(queries)
    monkeypatch.setattr(problems, "BATCH", 7)
    assert np.array_equal(problems.propose(fitted.model(), queries), whole)

"""Cross-fitting: what is held out, what is asked, and that the fit never saw it."""

from __future__ import annotations

import numpy as np
import pytest

from firstlight.domain import Queries
from firstlight.features import FeatureEncoders
from firstlight.pipeline.routes import FastPlan
from firstlight.roles import FitOptions, no_progress
from firstlight.training import problems
from firstlight.training.blocks import deal, remaining, stable_hash
from firstlight.training.crossfit import CrossFit, block_examples, held_out_problem, known_users_problem
from firstlight.training.fitting import fit
from firstlight.training.metrics import held_by
from firstlight.training.results import SliceResult


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


def test_one_fit_yields_every_slice(dataset, plugins, settings):
    block = deal("default", dataset)[0]
    fitted = fit_on(remaining(dataset, block), plugins, settings)
    fast = ("popularity", "neighbours")
    plan = FastPlan(fast, fast)
    found = block_examples(dataset, block, fitted, fast=plan, catalog_id="default")
    names = [example.routes["full"].slice_name for example in found]
    assert names == [*(f"new-user k={k}" for k in (0, 1, 3, 5, 10)), "warm", "new-item"]
    for example in found:
        assert set(example.routes) == {"full", "fast"}
        for examples in example.routes.values():
            inputs = examples.inputs
            assert (examples.relevant <= (inputs.positions >= 0)).all()
            assert (examples.total_relevant >= examples.relevant.sum(axis=1)).all()
            assert (inputs.counts == 0)[inputs.positions >= 0].any()
        full, quick = (example.routes[route].inputs for route in ("full", "fast"))
        assert quick.names == fast
        assert ((quick.positions == full.positions) | (quick.positions < 0)).all()
        assert np.array_equal(quick.scores[1], full.scores[full.names.index("neighbours")])
    assert (full.positions >= 0).sum() == (quick.positions >= 0).sum(), "new items alone are given to both"


@pytest.mark.parametrize("fast", [(), ("popularity",), ("popularity", "absent"), None])
def test_a_fast_route_has_some_components_and_not_all(dataset, plugins, settings, fast):
    block = deal("default", dataset)[0]
    fitted = fit_on(remaining(dataset, block), plugins, settings)
    fast = tuple(fitted.components) if fast is None else fast
    for example in block_examples(dataset, block, fitted, fast=FastPlan(fast, fast), catalog_id="default"):
        assert set(example.routes) == {"full"}


def test_the_fast_route_is_judged_by_its_worst_slice_at_each_amount_of_evidence():
    def result(name, fusion, fast, users=40):
        values = {"fusion": np.full(users, fusion), "fast": np.full(users, fast)}
        return SliceResult(name, np.arange(users, dtype=np.uint64), values, values)

    found = CrossFit(
        {},
        results=(
            result("new-user k=0", 0.4, 0.4),
            result("new-user × new-item k=0", 0.2, 0.1),
            result("new-user k=3", 0.5, 0.49),
            result("new-user k=5", 0.5, 0.5, users=10),
            result("warm", 0.2, 0.3),
            result("new-item", 0.2, 0.15),
        ),
    )
    assert found.fast_quality == {0: 0.5, 3: 0.98, 11: 0.75}


def test_known_users_targets_are_what_is_wanted_and_liked(dataset, plugins, settings):
    block = deal("default", dataset)[1]
    fitted = fit_on(remaining(dataset, block), plugins, settings)

    def ask(wanted):
        return known_users_problem(dataset, block, fitted, "default", wanted)

    new, newest = ask(lambda h: block.hidden[h.items]), ask(lambda h: problems.latest(h, 10))
    assert block.hidden[new.targets.items].all()
    assert 0 < block.hidden[newest.targets.items].mean() < 1
    for problem in (new, newest):
        assert problem.targets.positive(4.0).all()
        assert (problem.targets.lengths > 0).all()
        assert not held_by(problem.targets, problem.queries.histories).any()
        assert set(problem.users.tolist()) <= set(stable_hash("default", "user", fitted.data.dataset.user_ids).tolist())


def test_candidates_in_batches_are_the_same(dataset, plugins, settings, monkeypatch):
    fitted = fit_on(dataset, plugins, settings)
    queries = Queries(fitted.data.profiles, dataset.histories.oldest(3), dataset.user_attributes)
    whole = fitted.model().candidates(queries)
    monkeypatch.setattr(problems, "BATCH", 7)
    assert np.array_equal(problems.propose(fitted.model(), queries), whole)

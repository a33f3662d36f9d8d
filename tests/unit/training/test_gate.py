from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from firstlight.training.gate import compare, judge
from firstlight.training.results import SliceResult


def make_result(fusion, popularity=0.2, *, users=200, seed=0, name="new-user k=3", first=0):
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 0.05, users)
    ndcg = {"fusion": fusion + noise, "popularity": popularity + noise}
    return SliceResult(name, np.arange(first, first + users, dtype=np.uint64), ndcg, ndcg)


def test_the_first_bundle_passes_and_is_told_where_it_is_weak():
    gate = judge([make_result(0.1)], None)
    assert gate.open
    assert gate.decision == "first"
    assert gate.warnings == ("below popularity in 'new-user k=3': NDCG@10 -0.1000",)
    assert judge([make_result(0.3)], None).warnings == ()


def test_an_identical_retrain_passes():
    result = make_result(0.3)
    gate = judge([result], [SliceResult.from_json(json.loads(json.dumps(result.to_json())))])
    assert gate.decision == "passed"
    assert gate.comparisons[0].difference == 0


def test_a_worse_bundle_is_refused_and_the_slice_named():
    gate = judge(
        [make_result(0.25), make_result(0.3, name="new-item")], [make_result(0.3), make_result(0.3, name="new-item")]
    )
    assert not gate.open
    assert "new-user k=3" in gate.reason
    assert "-0.0500" in gate.reason
    assert [c.worse for c in gate.comparisons] == [True, False]
    json.dumps(gate.to_json())


def test_a_better_bundle_passes():
    assert judge([make_result(0.35)], [make_result(0.3)]).decision == "passed"


def test_small_or_unshared_slices_do_not_judge():
    assert judge([make_result(0.1, users=29)], [make_result(0.3, users=29)]).decision == "passed"
    assert judge([make_result(0.1, first=190)], [make_result(0.3)]).comparisons == ()
    assert judge([make_result(0.1, name="other")], [make_result(0.3)]).comparisons == ()
    assert judge([], None).warnings == ("no slice has 30 users: quality is not measured",)


def test_joined_parts_count_a_user_once():
    users = np.array([3, 1], np.uint64)
    first = SliceResult("s", users, {"fusion": np.array([1.0, 0.0]), "x": np.zeros(2)}, {"fusion": np.zeros(2)})
    second = SliceResult("s", users[:1], {"fusion": np.array([0.0])}, {"fusion": np.ones(1)})
    joined = SliceResult.joined([first, second])
    assert joined.users.tolist() == [1, 3]
    assert joined.ndcg["fusion"].tolist() == [0.0, 0.5]
    assert set(joined.ndcg) == {"fusion"}


def test_intervals_hold_in_all_slices_together():
    rng = np.random.default_rng(5)
    old = [make_result(0.3, name=str(n)) for n in range(9)]
    new = []
    for result in old:  # each slice lies 4.5 standard errors below: beyond luck alone, not among nine
        noise = rng.normal(0, 0.05, 200)
        noise += -4.5 * 0.05 / np.sqrt(200) - noise.mean()
        new.append(SliceResult(result.name, result.users, {"fusion": result.ndcg["fusion"] + noise}, {}))
    assert compare(new[:1], old[:1])[0].worse
    assert not any(c.worse for c in compare(new, old))


def test_a_comparison_holds_both_means_and_a_verdict():
    found = compare(
        [make_result(0.35, seed=1), make_result(0.3, name="warm")], [make_result(0.3), make_result(0.3, name="warm")]
    )
    assert found[0].new - found[0].old == found[0].difference
    assert found[0].low < found[0].difference < found[0].high
    assert [c.verdict for c in found] == ["better", "no difference shown"]


@pytest.mark.parametrize(("name", "share"), [("warm", 0.025), ("new-item", 0.15), ("new-user × new-item k=0", 0.15)])
def test_what_another_seed_may_do_is_no_loss(name, share):
    old = make_result(0.3, name=name)
    for factor, verdict in (
        (-0.9, "no difference shown"),
        (-1.1, "worse"),
        (0.9, "no difference shown"),
        (1.1, "better"),
    ):
        shifted = old.ndcg["fusion"] + factor * share * old.ndcg["fusion"].mean()
        found = compare([replace(old, ndcg={"fusion": shifted})], [old])[0]
        assert found.verdict == verdict
        assert found.luck == pytest.approx(share * found.old)

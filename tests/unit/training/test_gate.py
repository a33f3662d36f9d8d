from __future__ import annotations

import json

import numpy as np

from firstlight.training.gate import judge
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

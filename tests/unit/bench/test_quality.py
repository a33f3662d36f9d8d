"""The peers of ``make bench-quality``: their maths where the right answer is known, and what a run keeps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from firstlight.evaluation.protocols import splits


@pytest.fixture(scope="module")
def part(dataset):
    from peers.part import Part

    return Part(dataset)


def asked(part, rows, liked=()):
    """Queries of known users ``rows``, or of one new even user who liked ``liked``."""
    from peers.part import Asked

    if len(rows):
        return Asked(part.profiles[rows], part.positives[rows], np.array(rows))
    vector = np.zeros((1, len(part.seen)), np.float32)
    vector[0, list(liked)] = 1
    return Asked(part.profiles[:1], sparse.csr_matrix(vector), np.array([-1]))


def test_positives_are_what_a_user_liked_once(part, dataset):
    for user in (0, 7):
        liked = {i for i in dataset.histories.of(user).tolist() if i % 2 == user % 2}
        assert set(part.positives[user].indices.tolist()) == liked
        assert set(part.positives[user].data.tolist()) == {1.0}


def test_ease_solves_its_normal_equations(part):
    from peers.neighbours import Ease

    peer = Ease(penalty=5.0)
    peer.fit(part, 0)
    x, b = part.positives.toarray().astype(float), peer._weights.astype(float)
    gradient = x.T @ (x @ b - x) + 5.0 * b
    gradient[np.diag_indices_from(gradient)] = 0  # the multipliers of the zero diagonal
    assert np.abs(gradient).max() < 1e-3
    assert (np.diag(b) == 0).all()


def test_item_knn_is_the_cosine_of_the_nearest(part):
    from peers.neighbours import ItemKnn

    x = part.positives.toarray().astype(float)
    lengths = np.linalg.norm(x, axis=0)
    cosine = x.T @ x / np.maximum(np.outer(lengths, lengths), 1e-12)
    np.fill_diagonal(cosine, 0)
    for neighbours in (3, 1000):
        peer = ItemKnn(neighbours=neighbours, shrink=0.0)
        peer.fit(part, 0)
        found = peer.score(asked(part, (), liked=[0]))[0]
        expected = np.where(cosine[0] >= np.sort(cosine[0])[::-1][min(neighbours, 60) - 1], cosine[0], 0)
        assert found == pytest.approx(expected, abs=1e-5)


def test_ridge_agrees_with_its_definition_directly_and_by_conjugate_gradients(part, monkeypatch):
    from peers import ridge

    rng = np.random.default_rng(0)
    targets = rng.normal(size=(len(part.seen), 2))
    found = ridge.predict(part, targets, penalty=2.0, words=0.0)
    x = part.content[part.seen].astype(float)
    centred = x - x.mean(axis=0)
    y = targets[part.seen]
    w = np.linalg.solve(centred.T @ centred + 2.0 * np.eye(x.shape[1]), centred.T @ (y - y.mean(axis=0)))
    assert found == pytest.approx((part.content - x.mean(axis=0)) @ w + y.mean(axis=0), abs=1e-6)
    monkeypatch.setattr(ridge, "MAX_COLUMNS", 0)
    assert ridge.predict(part, targets, penalty=2.0, words=0.0) == pytest.approx(found, abs=1e-2)


def test_segments_lift_what_their_users_like_and_shrink_to_popularity(part):
    from peers.popularity import SegmentPopularity, segmentations

    assert segmentations(part) == [(("side",),)]
    values = {}
    for strength in (10.0, 1e9):
        peer = SegmentPopularity((("side",),), strength)
        peer.fit(part, 0)
        values[strength] = peer.score(asked(part, [0]))[0]
    share = np.exp(values[1e9])
    assert share.sum() == pytest.approx(1, abs=1e-6)
    lift = values[10.0] - values[1e9]
    popular = part.votes > 5
    assert (lift[::2][popular[::2]] > 0).all()
    assert (lift[1::2][popular[1::2]] < 0).all()


@pytest.mark.parametrize("slice_name", ["new-user", "new-item", "new-item overall", "new-user × new-item", "warm"])
def test_peers_that_use_taste_find_it(dataset, slice_name):
    pytest.importorskip("lightfm")
    pytest.importorskip("implicit")
    from asking import ask
    from peers import NEW_USER, PEERS, WARM, Part

    protocol = slice_name if slice_name in (NEW_USER, WARM) else "new-item"
    split = splits(dataset, protocol, folds=1, seed=0)[0]
    part = Part(split.training)
    case = [case for case in split.cases if case.slice_name == slice_name][-1]
    queries = part.asked(case, [dataset.user_ids[user] for user in case.users])
    reached = {}
    for entry in PEERS:
        if entry.competes(case.slice_name, case.shown, len(part.seen)):
            setting = entry.grid(part)[-1 if entry.name == "popularity by segment" else 0]
            peer = entry.make(**setting)
            peer.fit(part, 0)
            whole = peer.score(queries)
            assert np.allclose(peer.score(queries.take(slice(0, 1)))[0], whole[0], atol=1e-4)
            answer = ask(peer, case, queries, part)
            assert np.array_equal(answer.users, case.users)
            assert ((answer.ndcg >= 0) & (answer.ndcg <= 1)).all()
            reached[entry.name] = answer.ndcg.mean()
    taste = {"new-user": "item-kNN", "warm": "EASE", "new-item overall": "LightFM"}.get(slice_name, "content-kNN")
    blind = "popularity" if slice_name in (NEW_USER, WARM) else "random"
    assert reached[taste] > reached[blind]


def test_peers_work_without_attributes_values_and_times(make_dataset):
    from asking import ask
    from peers import PEERS, Part

    data = make_dataset(values=False, times=False, attributes=False, length=12)
    for protocol in ("new-user", "new-item"):
        split = splits(data, protocol, folds=1, seed=0)[0]
        part = Part(split.training)
        case = split.cases[0]
        for entry in PEERS:
            if entry.name in {"LightFM", "ALS", "ALS + ridge"} or not entry.competes(
                case.slice_name, case.shown, len(part.seen)
            ):
                continue
            for setting in entry.grid(part)[:1]:
                peer = entry.make(**setting)
                peer.fit(part, 0)
                queries = part.asked(case, [data.user_ids[user] for user in case.users])
                assert np.isfinite(ask(peer, case, queries, part).ndcg).all()


def test_words_are_weighted_by_rarity_and_new_ones_are_ignored():
    from peers.part import tf_idf

    seen = np.array([True, True, True, False])
    found = tf_idf([["red", "car"], ["red", "bus"], ["bus"], ["new", "bus"]], seen).toarray()
    assert found.shape == (4, 2)  # a word of one seen item says nothing
    assert found[0].max() == pytest.approx(1)
    assert found[1] == pytest.approx([2**-0.5] * 2)
    assert found[3].tolist() == found[2].tolist()


def test_settings_are_chosen_inside_the_training_part(dataset):
    from peers import PEERS
    from tuning import choose, chosen_for, inner_splits

    split = splits(dataset, "new-user", folds=1, seed=0)[0]
    inner = inner_splits(split.training, "new-user", 1, 0)
    outside = {dataset.user_ids[user] for user in split.cases[0].users}
    tuned_on = {inner[0].user_ids[user] for user in inner[0].split.cases[0].users}
    assert tuned_on
    assert not tuned_on & outside
    assert not tuned_on & set(inner[0].split.training.user_ids)
    ease = next(entry for entry in PEERS if entry.name == "EASE")
    settings = [{"penalty": 10.0}, {"penalty": 1e9}]
    choices = choose(ease, settings, split, lambda: inner)
    assert chosen_for(ease, choices, split.cases[0]) is None  # nothing is shown
    assert {key[1] for key in choices} == {1, 3, 5, 10}
    assert all(choice.tried == 2 and choice.ndcg > 0 for choice in choices.values())


def test_one_setting_needs_no_inner_folds(dataset):
    from peers import PEERS
    from tuning import choose

    split = splits(dataset, "warm", folds=1, seed=0)[0]
    popularity = next(entry for entry in PEERS if entry.name == "popularity")
    choices = choose(popularity, [{}], split, lambda: pytest.fail("nothing is to be chosen"))
    assert {key: choice.setting for key, choice in choices.items()} == {("warm", None): {}}


# ---------------------------------------------------------------- comparing


def line(values, users=None, **shares):
    from asking import Answer
    from comparing import Line

    values = np.asarray(values, float)
    users = np.arange(len(values)) if users is None else np.asarray(users)
    return Line.of([Answer(users, values, values, **shares)])


def test_a_ratio_is_that_of_the_means_and_its_interval_is_paired():
    from comparing import ratio

    theirs = np.random.default_rng(0).random(200)
    found = ratio(line(1.1 * theirs), line(theirs))
    assert (found.value, found.low, found.high) == pytest.approx((1.1, 1.1, 1.1))
    assert ratio(line(2 * theirs + 1), line(3 * theirs + 1), line(np.ones(200))).value == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="different users"):
        ratio(line(theirs), line(theirs, users=np.arange(200)[::-1]))


def test_goals_are_measured_against_the_best_peer_of_the_slice():
    from figures import figures

    ours = {("warm", None): {"fusion": line([0.5, 0.7])}, ("new-user", 0): {"fusion": line([0.6, 0.6])}}
    peers = {
        ("warm", None): {"bad": line([0.1, 0.1]), "good": line([0.6, 0.6])},
        ("new-user", 0): {"p": line([0.6, 0.6])},
    }
    found = {figure.name: figure for figure in figures(ours, peers)}
    assert "good" in found["warm"].goal
    assert found["warm"].done is False
    assert found["new-user, k = 0"].done is True
    assert found["new-user, k = 3"].done is None


def test_a_share_of_new_items_is_judged_by_their_share_of_the_targets():
    from figures import figures

    for share, done in ((0.6, True), (0.2, False)):
        mine = line([0.1], new_share=share, target_share=0.7)
        found = [f for f in figures({("new-item overall", None): {"fusion": mine}}, {}) if "t ≤ s" in f.goal]
        assert [figure.done for figure in found] == [done]


def test_a_peer_below_its_row_fails():
    from reference import checks

    peers = {("new-user", 0): {"popularity": line([0.3]), "LightFM": line([0.32])}}
    assert {check.peer: check.passed for check in checks(peers)} == {"popularity": False, "LightFM": True}


def test_training_has_a_goal_at_its_size_alone():
    from figures import training

    assert training(100_000, "base", 200).done is True
    assert training(100_000, "base", 301).done is False
    assert training(100_000, "small", 200) is None
    assert training(1_000_000, "base", 200) is None


# ---------------------------------------------------------------- tables and plots


def test_tables_and_plots_show_every_slice(tmp_path):
    from plots import draw
    from tables import slice_tables

    rng = np.random.default_rng(0)
    keys = [("new-user", 0), ("new-user", 3), ("warm", None)]
    peers = {key: {"popularity": line(rng.random(30)), "EASE": line(rng.random(30))} for key in keys}
    del peers["new-user", 0]["EASE"]
    ours = {key: {"fusion": line(rng.random(30)), "popularity": line(rng.random(30))} for key in keys}
    curve, gaps, warm = slice_tables(ours, peers)
    assert curve.head == ["", "k = 0", "k = 3"]
    assert [row[0] for row in curve.rows][:2] == ["**fusion**", "*popularity*"]
    assert {row[0] for row in curve.rows[2:]} == {"popularity", "EASE"}
    assert next(row for row in curve.rows if row[0] == "EASE")[1] == "–"
    gap = ours["warm", None]["fusion"].mean - peers["warm", None]["EASE"].mean
    assert next(row for row in warm.rows if row[0] == "EASE")[3].startswith(f"{gap:+.3f} [")
    assert [row[0] for row in gaps.rows] == ["popularity", "EASE"]
    assert warm.markdown().startswith("## warm\n\n30 users, 30 lists, 1 fold.\n\n|  | NDCG@10 |")
    assert draw(ours, peers, tmp_path) == ["coldness.png", "slices.png"]
    assert all((tmp_path / name).stat().st_size > 5_000 for name in ("coldness.png", "slices.png"))


# ---------------------------------------------------------------- cache


def test_what_is_cached_comes_back(tmp_path):
    from asking import Answer
    from cache import Cache

    cache = Cache(tmp_path)
    assert cache.read("x") is None
    answers = {(3, "new × item"): Answer(np.arange(2), np.array([0.5, 1.0]), np.array([0.0, 0.1]), 0.2, float("nan"))}
    cache.write("x", answers, {"seconds": 1.5})
    found, notes = cache.read("x")
    assert notes == {"seconds": 1.5}
    assert list(found) == list(answers)
    one, other = found[3, "new × item"], answers[3, "new × item"]
    assert np.array_equal(one.users, other.users)
    assert np.array_equal(one.ndcg, other.ndcg)
    assert (one.new_share, np.isnan(one.target_share)) == (0.2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def test_the_name_of_a_fold_changes_with_what_it_learns_from_and_what_it_is_asked(dataset):
    from cache import content

    split = splits(dataset, "new-user", folds=1, seed=0)[0]
    case = split.cases[1]
    other = replace(case, targets=case.targets.keep(np.arange(len(case.targets.items)) > 0))
    names = {
        content(split),
        content(splits(dataset, "new-user", folds=1, seed=1)[0]),
        content(replace(split, cases=(other,))),
        content(replace(split, training=replace(split.training, user_attributes=({},) * len(split.training.user_ids)))),
    }
    assert len(names) == 4
    assert content(split) == content(splits(dataset, "new-user", folds=1, seed=0)[0])

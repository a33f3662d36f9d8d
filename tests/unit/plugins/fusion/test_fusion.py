"""The fusion on synthetic components whose worth is known by construction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firstlight import RankingExamples, RankingInputs
from firstlight.domain import Evidence
from firstlight_plugins.fusion import Fusion, FusionSettings
from firstlight_plugins.fusion.parameters import COLD, WARM, Parameters

NAMES = ("popularity", "good", "noise")


def make_inputs(scores, *, interactions, known=None, counts=None, positions=None, names=NAMES):
    scores = np.asarray(scores, np.float32)
    _, rows, columns = scores.shape
    n = np.full(rows, interactions, np.int32)
    if positions is None:
        positions = np.tile(np.arange(columns, dtype=np.int32), (rows, 1))
    return RankingInputs(
        names,
        scores,
        np.ones(scores.shape, bool) if known is None else known,
        positions,
        np.ones(positions.shape, np.int32) if counts is None else counts,
        Evidence(n, n, n),
    )


def make_examples(k, *, good, rows=150, columns=40, seed=0, cold=False):
    """Relevance follows popularity and a hidden taste; ``good`` is how much of the taste the component sees."""
    rng = np.random.default_rng([seed, k])
    popularity = np.tile(np.linspace(1, -1, columns), (rows, 1)) + 0.1 * rng.normal(size=(rows, columns))
    taste = rng.normal(size=(rows, columns))
    relevant = popularity + taste + 0.3 * rng.normal(size=taste.shape) > 1.5
    # Other scales on purpose: calibration has to undo them.
    scores = [
        5 + 2 * popularity,
        100 * (good * taste + (1 - good) * rng.normal(size=taste.shape)),
        rng.normal(size=taste.shape),
    ]
    counts = np.ones((rows, columns), np.int32)
    if cold:
        counts[:, ::2] = 0
    inputs = make_inputs(np.stack(scores), interactions=k, counts=counts)
    return RankingExamples(f"new-user k={k}", inputs, relevant, relevant.sum(axis=1).astype(np.int32))


@pytest.fixture(scope="module")
def fitted():
    fusion = Fusion()
    metrics = fusion.fit([make_examples(0, good=0.0), make_examples(10, good=1.0)], seed=0)
    return fusion, metrics


def test_weights_follow_the_evidence(fitted):
    fusion, metrics = fitted
    none, ten = fusion.parameters.weight[WARM]
    assert none[0] == 1.0  # at k = 0 everything but the prior is noise
    assert ten[1] > 0.25
    spread = fusion.rank(make_examples(10, good=1.0).inputs).contributions.std(axis=(1, 2))
    assert spread[2] < 0.05 * spread[1]
    assert metrics["gain warm k=10"] > 0.1
    assert np.allclose(fusion.parameters.weight.sum(axis=2), 1)
    assert (fusion.parameters.weight >= 0).all()


def test_the_fusion_beats_its_parts_on_users_it_has_not_seen(fitted):
    fusion, _ = fitted
    test = make_examples(10, good=1.0, seed=1)

    def precision(values):
        top = np.argsort(-values, axis=1)[:, :5]
        return np.take_along_axis(test.relevant, top, axis=1).mean()

    fused = precision(fusion.rank(test.inputs).values)
    assert fused > max(precision(scores) for scores in test.inputs.scores) + 0.05


def test_between_two_knots_weights_are_interpolated_in_log_space(fitted):
    near = fitted[0].parameters.at(np.array([0, 10, 3, 1000]))
    assert np.allclose(near[:2], np.eye(2))
    assert near[2, 1] == pytest.approx(np.log1p(3) / np.log1p(10))
    assert np.allclose(near[3], [0, 1])


def test_contributions_sum_to_values_and_padding_is_last(fitted):
    inputs = make_examples(3, good=1.0, rows=4).inputs
    inputs.positions[:, -5:] = -1
    ranked = fitted[0].rank(inputs)
    real = inputs.positions >= 0
    assert np.isneginf(ranked.values[~real]).all()
    assert np.allclose(ranked.contributions.sum(axis=0)[real], ranked.values[real], atol=1e-5)
    assert not ranked.contributions[:, ~real].any()


def test_what_a_component_does_not_know_the_prior_says_for_it(fitted):
    inputs = make_examples(10, good=1.0, rows=3).inputs
    known = inputs.known.copy()
    known[1:] = False
    silent = RankingInputs(NAMES, inputs.scores, known, inputs.positions, inputs.counts, inputs.evidence)
    ranked = fitted[0].rank(silent)
    assert np.array_equal(np.argsort(-ranked.values), np.argsort(-inputs.scores[0]))
    assert not ranked.contributions[1:].any()
    assert np.allclose(ranked.contributions[0], ranked.values)


def test_batch_equals_single(fitted):
    inputs = make_examples(5, good=1.0, rows=6).inputs
    whole = fitted[0].rank(inputs).values
    for row in range(6):
        assert np.array_equal(fitted[0].rank(inputs.take(np.array([row]))).values[0], whole[row])


def test_a_component_that_is_gone_or_new_does_no_harm(fitted):
    inputs = make_examples(10, good=1.0, rows=3).inputs
    keep = [0, 2]
    less = RankingInputs(
        ("popularity", "noise"),
        inputs.scores[keep],
        inputs.known[keep],
        inputs.positions,
        inputs.counts,
        inputs.evidence,
    )
    ranked = fitted[0].rank(less)
    assert ranked.contributions.shape == (2, 3, 40)
    assert np.allclose(ranked.contributions.sum(axis=0), ranked.values, atol=1e-5)
    renamed = RankingInputs(
        ("popularity", "good", "stranger"),
        inputs.scores,
        inputs.known,
        inputs.positions,
        inputs.counts,
        inputs.evidence,
    )
    assert not fitted[0].rank(renamed).contributions[2].any()


def test_without_popularity_the_others_rank(fitted):
    inputs = make_examples(10, good=1.0, rows=3).inputs
    known = inputs.known.copy()
    known[[0, 2]] = False
    alone = RankingInputs(NAMES, inputs.scores, known, inputs.positions, inputs.counts, inputs.evidence)
    values = fitted[0].rank(alone).values
    assert np.array_equal(np.argsort(-values), np.argsort(-inputs.scores[1]))


def test_export_and_load_give_the_same_values(fitted, tmp_path):
    fitted[0].export(tmp_path)
    loaded = Fusion()
    loaded.load(tmp_path)
    inputs = make_examples(5, good=1.0).inputs
    assert np.array_equal(loaded.rank(inputs).values, fitted[0].rank(inputs).values)
    assert loaded.describe() == fitted[0].describe()


def test_one_seed_gives_one_result(fitted):
    again = Fusion()
    again.fit([make_examples(0, good=0.0), make_examples(10, good=1.0)], seed=0)
    assert again.describe() == fitted[0].describe()


def test_unfitted_or_without_examples_the_prior_ranks_alone():
    fusion = Fusion()
    assert fusion.fit([], seed=0) == {}
    inputs = make_examples(10, good=1.0, rows=2).inputs
    assert np.array_equal(fusion.rank(inputs).values, inputs.scores[0])


def test_a_small_slice_uses_the_default_weight():
    fusion = Fusion()
    fusion.fit([make_examples(10, good=1.0, rows=8)], seed=0)
    assert np.allclose(fusion.parameters.weight[WARM, 0], [2 / 3, 1 / 6, 1 / 6])  # n / (n + 20) to share


def test_where_few_ask_new_and_old_items_stay_as_the_prior_ranks_them():
    examples = make_examples(0, good=0.0, rows=12, cold=True)
    relevant = examples.relevant & (examples.inputs.counts == 0)  # by chance, nothing but new items is wanted
    fusion = Fusion()
    fusion.fit([replace(examples, relevant=relevant, total_relevant=relevant.sum(axis=1).astype(np.int32))], seed=0)
    values = fusion.rank(examples.inputs).values
    assert (np.argsort(-values, axis=1) == np.argsort(-examples.inputs.scores[0], axis=1)).all()


class Elsewhere:
    """A source in which ``good`` was ahead of popularity at three interactions, and behind at none."""

    carried = ("good", "gone")
    metrics = {  # noqa: RUF012
        "ndcg new-user k=0 good": 0.2,
        "ndcg new-user k=0 popularity": 0.3,
        "ndcg new-user k=3 good": 0.4,
        "ndcg new-user k=3 popularity": 0.3,
        "ndcg new-user k=3 gone": 0.9,
        "ndcg new-item good": 0.4,
    }


def weights_with_source(k, block, *, rows, good=1.0, cold=False):
    fusion = Fusion()
    fusion.start_from(Elsewhere())
    fusion.fit([make_examples(k, good=good, rows=rows, cold=cold)], seed=0)
    return fusion.parameters.weight[block, 0]


def test_what_led_in_a_source_is_the_default_where_few_ask():
    assert weights_with_source(3, WARM, rows=8) == pytest.approx([0, 20 / 23 + 1.5 / 23, 1.5 / 23])
    assert weights_with_source(0, WARM, rows=8) == pytest.approx([1, 0, 0])
    assert weights_with_source(3, COLD, rows=8, cold=True) == pytest.approx([20 / 23, 1.5 / 23, 1.5 / 23])


def test_what_led_in_a_source_counts_as_thirty_queries():
    here = weights_with_source(3, WARM, rows=60, good=0.0)
    assert here[1] == pytest.approx(1 / 3, abs=0.1)
    assert here.sum() == pytest.approx(1)
    assert here[0] > 0.5


def test_new_items_scored_too_high_are_pushed_down():
    def example(lift):
        made = make_examples(10, good=1.0, rows=200, cold=True)
        cold = made.inputs.counts == 0
        relevant = made.relevant & (~cold | (np.arange(cold.shape[1]) % 8 == 0))
        scores = made.inputs.scores.copy()
        scores[0] += lift * cold
        inputs = make_inputs(scores, interactions=10, counts=made.inputs.counts)
        return RankingExamples("new-user k=10", inputs, relevant, relevant.sum(axis=1).astype(np.int32))

    high, normal = Fusion(), Fusion()
    high.fit([example(50.0)], seed=0)
    normal.fit([example(0.0)], seed=0)
    # Calibration by block takes out a constant lift: the served values do not depend on it.
    assert np.allclose(high.rank(example(50.0).inputs).values, normal.rank(example(0.0).inputs).values, atol=2e-2)


def test_one_class_and_constant_scores_still_rank():
    inputs = make_inputs(np.zeros((3, 40, 5)), interactions=1)
    for relevant in (np.zeros((40, 5), bool), np.ones((40, 5), bool)):
        fusion = Fusion()
        fusion.fit([RankingExamples("x", inputs, relevant, relevant.sum(axis=1).astype(np.int32))], seed=0)
        assert np.isfinite(fusion.rank(inputs).values).all()


def test_examples_of_different_widths_join():
    fusion = Fusion()
    fusion.fit([make_examples(10, good=1.0, columns=40), make_examples(10, good=1.0, columns=25, seed=3)], seed=0)
    assert fusion.parameters.weight[WARM, 0, 1] > 0.25


def test_empty_batches_and_empty_rows(fitted):
    inputs = make_inputs(np.zeros((3, 0, 4)), interactions=0)
    assert fitted[0].rank(inputs).values.shape == (0, 4)
    inputs = make_inputs(np.zeros((3, 2, 0)), interactions=0)
    assert fitted[0].rank(inputs).values.shape == (2, 0)


def test_parameters_round_trip():
    parameters = Parameters.prior_alone(("popularity", "other"))
    again = Parameters.from_json(parameters.to_json())
    assert again.names == parameters.names
    assert np.array_equal(again.weight[COLD], parameters.weight[COLD])


def test_new_items_are_seen_as_often_as_they_are_wanted_where_that_is_not_too_dear():
    examples = make_examples(10, good=1.0, rows=200, cold=True)
    cold = examples.inputs.counts == 0
    wanted = (examples.relevant & cold).sum() / examples.relevant.sum()
    missed = []
    for cost in (0.0, 0.05, 0.3):
        fusion = Fusion(FusionSettings(new_item_cost=cost))
        fusion.fit([examples], seed=0)
        top = np.argsort(-fusion.rank(examples.inputs).values, axis=1)[:, :10]
        missed.append(abs(np.take_along_axis(cold, top, axis=1).mean() - wanted))
    assert missed[0] > missed[1] >= missed[2]
    assert missed[2] < 0.03


def test_an_item_that_is_surely_not_new_comes_last():
    examples = make_examples(10, good=1.0, rows=200, cold=True)
    fusion = Fusion()
    fusion.fit([examples], seed=0)
    cold = examples.inputs.counts == 0
    new, unsure, unwanted = (
        fusion.rank(replace(examples.inputs, novelty=np.full(cold.shape, novelty, np.float32))).values
        for novelty in (1.0, 0.5, 0.0)
    )
    assert np.allclose(new[cold] - unsure[cold], np.log(2), atol=1e-4)
    assert (new[~cold] == unwanted[~cold]).all()
    assert np.where(cold, unwanted, -np.inf).max() < np.where(cold, np.inf, unwanted).min() + 5
    assert np.array_equal(new, fusion.rank(examples.inputs).values)

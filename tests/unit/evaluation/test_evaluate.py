"""``evaluate`` and its report, end to end on a small catalogue."""

from __future__ import annotations

import json

import numpy as np
import pytest

from firstlight.errors import InvalidInputError
from firstlight.evaluation import PLAIN, EvaluationResult, evaluate, write_report
from firstlight.evaluation.measuring import measure
from firstlight.evaluation.protocols import splits
from firstlight.settings import Settings
from firstlight.training import TrainOptions, fit_product

OPTIONS = TrainOptions(device="cpu")


@pytest.fixture(scope="module")
def result(dataset, plugins, tmp_path_factory) -> EvaluationResult:
    return evaluate(dataset, plugins, Settings(home=tmp_path_factory.mktemp("home")), options=OPTIONS)


def test_every_slice_and_strategy_has_a_row(result, plugins):
    slices = {(row.slice_name, row.shown) for row in result.rows}
    assert slices == {
        *(("new-user", k) for k in (0, 1, 3, 5, 10)),
        ("new-item", None),
        ("new-item overall", None),
        ("new-user × new-item", 0),
        ("new-user × new-item", 10),
        ("warm", None),
    }
    at_five = {row.strategy for row in result.rows if (row.slice_name, row.shown) == ("new-user", 5)}
    strategies = {r.name for r in plugins.of_role("candidate_generator", "cold_start_strategy")}
    assert at_five - {"fast"} == {"fusion", PLAIN, *strategies}
    at_none = {row.strategy for row in result.rows if (row.slice_name, row.shown) == ("new-user", 0)}
    assert "neighbours" not in at_none  # it knows nothing without a history, and is not given a zero


def test_numbers_are_in_range_and_intervals_hold_the_mean(result):
    for row in result.rows:
        assert 0 <= row.ndcg_interval[0] <= row.ndcg <= row.ndcg_interval[1] <= 1
        assert 0 <= row.recall_interval[0] <= row.recall <= row.recall_interval[1] <= 1
        assert 0 < row.coverage <= 1
    overall = result.row("new-item overall", "fusion")
    assert 0 <= overall.new_share <= 1
    assert 0 < overall.target_share < 1
    assert result.row("warm", "fusion").new_share is None


def test_evidence_helps_where_histories_tell_the_taste(result):
    assert result.row("new-user", "fusion", 10).ndcg > result.row("new-user", PLAIN, 10).ndcg


def test_values_have_errors_and_the_fusion_tells_its_weights(result):
    assert {"factors.rmse", "factors.mae"} <= set(result.errors)
    assert result.weights["names"][0] == "popularity"


def test_plain_popularity_by_hand(dataset, plugins, settings):
    split = splits(dataset, "new-user", folds=1, seed=0)[0]
    product = fit_product(split.training, plugins, settings, OPTIONS)
    case = split.cases[1]
    found = measure(case, product, split.training)[PLAIN]
    h = split.training.histories
    votes = np.bincount(h.items[h.values >= 4], minlength=len(dataset.item_ids))
    for row in range(len(case.users)):
        ranking = [i for i in np.argsort(-votes, kind="stable") if i not in case.histories.of(row)]
        hits = [i in case.targets.of(row) for i in ranking[:10]]
        ideal = sum(1 / np.log2(np.arange(2, 2 + min(10, len(case.targets.of(row))))))
        assert found.ndcg[row] == pytest.approx(sum(np.array(hits) / np.log2(np.arange(2, 12))) / ideal)


def test_the_report_stands_alone(result, tmp_path):
    page = write_report(result, tmp_path / "out", title="Films <b>")
    html = page.read_text("utf-8")
    assert html.count("data:image/png;base64,") == len(list((tmp_path / "out").glob("*.png")))
    assert "<b>" not in html
    assert "http" not in html.replace("http-equiv", "")
    markdown = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert "| fusion |" in markdown
    assert "later half of the values of users that a fit sets aside" in markdown
    for name in ("coldness", "coverage", "weights", "importance"):
        assert f"({name}.png)" in markdown
        assert (tmp_path / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "out" / "results.json").read_text())["rows"]


def test_histories_too_short_for_the_protocol_are_said_so(make_dataset, plugins, settings, tmp_path):
    data = make_dataset(users=20, items=12, length=4)
    found = evaluate(data, plugins, settings, protocol="new-user", options=OPTIONS)
    assert found.rows == ()
    assert "Nobody could be tested" in write_report(found, tmp_path).read_text("utf-8")


def test_folds_join_and_wrong_wishes_are_refused(make_dataset, plugins, settings):
    data = make_dataset(users=40)
    found = evaluate(data, plugins, settings, protocol="new-user", folds=2, options=OPTIONS)
    assert found.row("new-user", "fusion", 0).users == 16
    with pytest.raises(InvalidInputError, match="unknown protocol"):
        evaluate(data, plugins, settings, protocol="new-film")
    with pytest.raises(InvalidInputError, match="folds"):
        evaluate(data, plugins, settings, folds=6)

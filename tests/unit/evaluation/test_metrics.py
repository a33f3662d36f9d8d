"""Metrics of plugins: what they are asked, what is reported, and what a failing one costs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import BaseModel

from firstlight.cli.output import console
from firstlight.cli.quality import show_metrics
from firstlight.domain import Histories
from firstlight.errors import InvalidInputError, PluginError
from firstlight.evaluation import evaluate, write_report
from firstlight.evaluation.metrics import PluggedMetrics
from firstlight.settings import Settings
from firstlight.training import TrainOptions

LISTS = np.array([[0, 1, -1], [2, -1, -1]], np.int32)
TARGETS = Histories.from_rows([[1], [0]])
COUNTS = np.array([5, 2, 0], np.int32)


class Cut(BaseModel):
    cut: int = 1


class FirstHit:
    """1 / place of the first hit."""

    higher_is_better = True

    def measure(self, lists, targets, counts):
        places = [np.flatnonzero(np.isin(row, targets.of(n))) for n, row in enumerate(lists)]
        return np.array([1 / (1 + p[0]) if len(p) else 0.0 for p in places])


class Fame:
    """Mean training interactions of what is shown."""

    higher_is_better = False

    def measure(self, lists, targets, counts):
        shown = lists >= 0
        return np.where(shown, counts[lists], 0).sum(axis=1) / shown.sum(axis=1)


class Answers:
    higher_is_better = True

    def __init__(self, answer):
        self.answer = answer

    def measure(self, lists, targets, counts):
        return self.answer(lists)


def asked(plugins, settings=None):
    metrics = PluggedMetrics.of(plugins, settings or {})
    return metrics, metrics.measure(LISTS, TARGETS, COUNTS)


def test_a_metric_sees_lists_targets_and_counts(stranger):
    metrics, found = asked(stranger("metric", {"first-hit": FirstHit, "fame": Fame}))
    np.testing.assert_array_equal(found["first-hit"], [0.5, 0.0])
    np.testing.assert_array_equal(found["fame"], [3.5, 0.0])
    assert metrics.higher_is_better == {"first-hit": True, "fame": False}
    assert metrics.failed == {}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda lists: 1 / 0, "division by zero"),
        (lambda lists: np.zeros(len(lists) + 1), "for 2 lists"),
        (lambda lists: 0.5, "for 2 lists"),
        (lambda lists: np.full(len(lists), np.inf), "infinite"),
        (lambda lists: ["a"] * len(lists), "for 2 lists"),
        (lambda lists: lists.fill(0), "read-only"),
    ],
)
def test_a_failing_metric_is_named_and_not_asked_again(stranger, answer, why, caplog):
    metrics, found = asked(stranger("metric", {"bad": lambda: Answers(answer), "fame": Fame}))
    assert list(found) == list(metrics.metrics) == list(metrics.higher_is_better) == ["fame"]
    assert why in metrics.failed["bad"]
    assert "metric bad failed" in caplog.text
    assert (LISTS[:, 0] == [0, 2]).all()


def test_a_metric_that_cannot_be_made_is_named(stranger):
    broken = {"bad": lambda: 1 / 0, "no-metric": object, "fame": Fame}
    metrics, _ = asked(stranger("metric", broken))
    assert set(metrics.failed) == {"bad", "no-metric"}
    with pytest.raises(PluginError, match="'bad' cannot be used"):
        PluggedMetrics.of(stranger("metric", broken, strict=True), {})


def test_a_wrong_setting_is_told_before_the_work(dataset, stranger, tmp_path):
    plugins = stranger("metric", {"hits": lambda config: FirstHit()}, config=Cut)
    settings = Settings(home=tmp_path, plugins={"hits": {"cutt": 3}})
    with pytest.raises(InvalidInputError, match="did you mean 'cut'"):
        evaluate(dataset, plugins, settings)


@pytest.fixture
def result(make_dataset, stranger, settings):
    def sometimes(lists):
        return np.where(np.arange(len(lists)) % 2 == 0, 3.0, np.nan)

    def never(lists):
        return np.full(len(lists), np.nan)

    calls = []

    def late(lists):
        calls.append(None)
        return np.zeros(len(lists)) if len(calls) < 5 else 1 / 0

    plugins = stranger(
        "metric",
        {
            "first-hit": FirstHit,
            "fame": Fame,
            "sometimes": lambda: Answers(sometimes),
            "never": lambda: Answers(never),
            "late": lambda: Answers(late),
        },
        block=("sequence", "neighbours", "factors"),
    )
    return evaluate(make_dataset(users=45), plugins, settings, options=TrainOptions(device="cpu"))


def test_every_row_has_every_metric(result, tmp_path, capsys):
    names = {"first-hit", "fame", "sometimes", "never"}
    assert result.rows
    for row in result.rows:
        assert set(row.metrics) == names
        low, high = row.metrics["first-hit"].interval
        assert 0 <= low <= row.metrics["first-hit"].value <= high <= 1
        assert row.metrics["sometimes"].value == 3.0
        assert row.metrics["never"].value is None
        assert row.metrics["never"].interval is None
    assert result.row("new-item", "fusion").metrics["fame"].value == 0  # nobody met a new item
    assert set(result.metrics) == names
    assert list(result.failed_metrics) == ["late"]
    as_json = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert as_json["rows"][0]["metrics"]["sometimes"]["value"] == 3.0

    html = write_report(result, tmp_path).read_text("utf-8")
    assert "New-user: first-hit" in html
    assert "fame ↓" in html
    assert "3 [3, 3]" in html
    assert "ZeroDivisionError: division by zero" in html

    show_metrics(console(), as_json["rows"], as_json["metrics"])
    shown = capsys.readouterr().out
    assert "warm: fame ↓" in shown
    assert "nan" not in shown


def test_without_metrics_of_plugins_nothing_changes(dataset, plugins):
    assert PluggedMetrics.of(plugins, {}).measure(LISTS, TARGETS, COUNTS) == {}

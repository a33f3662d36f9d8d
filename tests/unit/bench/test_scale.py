"""What ``make bench-scale`` generates, measures and judges."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

import numpy as np
import pytest

from firstlight.settings import Settings
from firstlight.store import open_store


@pytest.fixture(scope="module")
def made():
    from generating import generate

    return generate(20_000, seed=3)


# ---------------------------------------------------------------- generating


def test_there_are_as_many_as_asked_for_and_none_twice(made):
    interactions = made.interactions
    assert interactions.height == 20_000
    assert interactions.unique(["user_id", "item_id"]).height == 20_000
    assert (made.users.height, made.items.height) == (200, 707)
    lengths = interactions["user_id"].value_counts()["count"]
    assert lengths.len() == 200
    assert lengths.min() >= 5
    assert lengths.max() <= 707 // 2


@pytest.mark.parametrize(
    ("size", "expected"), [(500, (50, 112)), (1_000_000, (10_000, 5_000)), (50_000_000, (500_000, 20_000))]
)
def test_users_grow_with_the_data_and_items_slower(size, expected):
    from generating import shape

    assert shape(size) == expected


def test_a_seed_says_it_all(made):
    from generating import generate

    again, other = generate(20_000, seed=3), generate(20_000, seed=4)
    assert again.interactions.equals(made.interactions)
    assert again.items.equals(made.items)
    assert not other.interactions.equals(made.interactions)


def test_interactions_are_ratings_in_order_of_time(made):
    assert made.interactions["timestamp"].is_sorted()
    assert set(made.interactions["rating"]) == {1, 2, 3, 4, 5}


def test_few_items_have_most_of_it_and_some_have_none(made):
    counts = made.interactions["item_id"].value_counts(sort=True)["count"].to_numpy()
    assert 7 <= made.items.height - len(counts) <= 50
    assert counts[:70].sum() > counts[-353:].sum()  # a tenth has more than half of the others


def test_attributes_say_something_about_taste(made):
    def dependence(users):
        both = made.interactions.join(users, on="user_id").join(made.items, on="item_id")
        table = both.pivot("genre", index="age_band", values="rating", aggregate_function="len").drop("age_band")
        table = table.fill_null(0).to_numpy().astype(float)
        expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
        return ((table - expected) ** 2 / expected).sum()

    shuffled = [made.users.with_columns(made.users["age_band"].shuffle(seed)) for seed in range(20)]
    assert dependence(made.users) > max(map(dependence, shuffled))


def test_who_likes_an_item_rates_it_higher():
    from generating import _histories

    rng = np.random.default_rng(0)
    affinity = np.where(np.arange(400) < 200, 1.5, -1.5).astype(np.float32)[None].repeat(50, 0)
    ones = np.ones(400, np.float32)
    user, item, rating, time = _histories(rng, 10, affinity, (ones, 0 * ones), np.full(50, 100))
    assert set(user) == set(range(10, 60))
    assert (item < 200).mean() > 0.85
    assert rating[item < 200].mean() > rating[item >= 200].mean() + 1
    assert all((np.diff(time[user == one]) >= 0).all() for one in (10, 59))


# ---------------------------------------------------------------- steps and measuring


def test_a_step_imports_what_was_generated(tmp_path):
    import steps

    given = argparse.Namespace(size=500, folder=tmp_path)
    assert steps.generating(given) == {"interactions": 500, "users": 50, "items": 112}
    told = steps.importing(given)
    assert told["written"] == 500
    assert set(told["stages"]) == {"reading", "writing"}
    store = open_store(Settings.load(tmp_path / "home"))
    dataset = store.load_dataset("default")
    store.close()
    assert (len(dataset.user_ids), len(dataset.item_ids), len(dataset.histories.items)) == (50, 112, 500)
    assert {a.kind.name for a in (*dataset.schema.users, *dataset.schema.items)} == {"CATEGORICAL"}
    assert len(dataset.schema.users) == len(dataset.schema.items) == 3
    assert dataset.schema.positive_value == 4
    with pytest.raises(RuntimeError, match="left rows out"):
        steps.importing(given)  # all is there already


def test_stages_are_timed_by_their_first_word(monkeypatch):
    import steps

    ticks = iter([0.0, 1.0, 3.0, 7.0, 8.0])
    monkeypatch.setattr(steps.time, "monotonic", lambda: next(ticks))
    stages = steps.Stages()
    for stage in ("cross-fit 1/2", "cross-fit 2/2", "fusion", "end"):
        stages(stage, 0.0)
    assert stages.seconds == {"cross-fit": 6.0, "fusion": 1.0}


def fake_steps(folder, body):
    """A program in place of ``steps.py``; ``step`` is the first argument and ``work`` the folder."""
    (folder / "steps.py").write_text(
        f"import json, os, sys\nfrom pathlib import Path\nstep, work = sys.argv[1], Path(sys.argv[3])\n{body}\n"
    )


def test_each_step_is_a_process_and_nothing_stays(tmp_path, monkeypatch):
    import measuring

    body = """
(work / step).touch()
told = {"interactions": 7, "users": 2, "items": 3, "seconds": 1.5, "pid": os.getpid(), "asked": sys.argv[4:]}
told["here"] = sorted(path.name for path in work.iterdir())
print("noise")
print(json.dumps(told))
"""
    fake_steps(tmp_path, body)
    monkeypatch.setattr(measuring, "HERE", tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    (work / "old").touch()
    plan = measuring.Plan(7, "base", closed_forms_only=True, time_budget_min=2.5)
    found = measuring.measure(plan, work)
    assert (found.interactions, found.users, found.items, found.error) == (7, 2, 3, "")
    assert found.train["here"] == ["generate", "import", "train"]
    assert found.train["pid"] != found.import_["pid"]
    wanted = ["--size", "7", "--preset", "base", "--closed-forms-only", "--time-budget", "2.5"]
    assert found.train["asked"] == wanted
    assert "cores" in found.machine
    assert not work.exists()


def test_a_step_that_is_killed_is_told_and_what_came_before_is_kept(tmp_path, monkeypatch):
    import measuring

    fake_steps(
        tmp_path,
        'if step == "train": os.kill(os.getpid(), 9)\n'
        'print(json.dumps({"interactions": 7, "users": 2, "items": 3, "seconds": 1.5}))',
    )
    monkeypatch.setattr(measuring, "HERE", tmp_path)
    found = measuring.measure(measuring.Plan(7), tmp_path / "work")
    assert found.error == "train ended with signal 9"
    assert found.import_["seconds"] == 1.5
    assert found.train == {}


# ---------------------------------------------------------------- judging


def measured(size, seconds=10.0, mib=100.0, error="", **plan):
    from measuring import Measurement, Plan

    train = {"seconds": seconds, "peak_mib": mib, "bundle_mib": 3.0, "stages": {"refit": seconds}}
    told = {"seconds": 1.0, "peak_mib": 50.0, "stages": {}}
    return Measurement(Plan(size, **plan), size, size // 100, 9, told, {} if error else train, error, "a machine")


def test_what_is_kept_comes_back_and_a_plan_is_kept_once(tmp_path):
    from measuring import keep, read

    file = tmp_path / "out" / "measurements.json"
    assert read(file) == []
    large, small, base = measured(3000), measured(1000), measured(1000, preset="base")
    for one in (large, small, base):
        keep(file, one)
    again = replace(small, interactions=999)
    assert keep(file, again) == read(file) == [base, again, large]


def test_the_exponent_of_a_power_is_found():
    from growth import exponent

    sizes = [1e5, 3e5, 1e6, 3e6]
    assert exponent(sizes, [2 * size**0.8 for size in sizes]) == pytest.approx(0.8)
    assert math.isnan(exponent([1e5], [3.0]))


@pytest.mark.parametrize(("power", "done"), [(0.9, True), (1.2, False)])
def test_growth_is_judged_over_the_whole_span_alone(power, done):
    from growth import goals

    curve = [measured(size, size**power / 1e4, size**0.5) for size in (100_000, 300_000, 1_000_000, 3_000_000)]
    other = [measured(size, 1.0, preset="base") for size in (100_000, 3_000_000)]
    failed = measured(10_000_000, error="train ended with signal 9")
    seconds, memory = goals([*curve, *other, failed])[2:4]
    assert (seconds.done, memory.done) == (done, True)
    assert seconds.reached == f"{power:.2f} over 100,000 to 3,000,000"
    assert [goal.done for goal in goals(curve[:3])[2:4]] == [None, None]


def test_training_has_goals_with_everything_in_it():
    from growth import goals

    rows = [
        measured(100_000, 301.0, preset="base"),
        measured(1_000_000, 950.0, preset="base"),
        measured(1_000_000, 850.0, preset="base", time_budget_min=15.0),
        measured(100_000, 5.0, preset="base", closed_forms_only=True),
    ]
    found = goals(rows)
    assert [(goal.reached, goal.done) for goal in found[:2]] == [("301 s", False), ("850 s", True)]
    assert [goal.done for goal in goals([])] == [None] * 5
    killed = goals([measured(1_000_000, error="killed", preset="base")])[1]
    assert (killed.reached, killed.done) == ("killed", False)


@pytest.mark.parametrize(("error", "done"), [("", True), ("import ended with signal 9", False)])
def test_ten_million_is_a_goal_of_import_and_closed_forms(error, done):
    from growth import goals

    found = goals([measured(10_000_000, error=error, closed_forms_only=True)])[-1]
    assert found.done is done
    assert found.reached == (error or "import 1 s, training 10 s")


# ---------------------------------------------------------------- writing and drawing


def test_results_hold_every_plan_and_what_failed(tmp_path):
    from drawing import draw
    from writing import PLOT, write

    rows = [measured(1_000), measured(3_000, 25.0), measured(9_000, error="train ended with signal 9")]
    rows.append(measured(1_000, 5.0, closed_forms_only=True))
    assert draw(rows, tmp_path / PLOT)
    assert (tmp_path / PLOT).stat().st_size > 5_000
    write(tmp_path, rows, plot=True)
    text = (tmp_path / "RESULTS.md").read_text("utf-8")
    assert f"({PLOT})" in text
    assert "| small | 3,000 | 30 | 9 | 1.0 | 50 | 25 | 100 | 3.0 |" in text
    assert "| small | 9,000 | 90 | 9 | 1.0 | 50 | train ended with signal 9 | – | – |" in text
    assert "| small, closed forms | 1,000 | 10 | 9 | 1.0 | 50 | 5.0 | 100 | 3.0 |" in text
    assert text.count("Measured on a machine.") == 1


def test_where_nothing_succeeded_there_is_no_plot(tmp_path):
    from drawing import draw
    from writing import write

    rows = [measured(1_000, error="generate ended with exit code 1")]
    assert not draw(rows, tmp_path / "growth.png")
    write(tmp_path, rows, plot=False)
    assert "growth.png" not in (tmp_path / "RESULTS.md").read_text("utf-8")

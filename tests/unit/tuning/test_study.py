"""The search: its first trial, what it finds, and that it goes on where it ended; trials are stand-ins."""

import pytest

from firstlight.roles import FitOptions
from firstlight.settings import Settings
from firstlight.tuning import study as module
from firstlight.tuning.space import parse_parameter
from firstlight.tuning.study import tune

SPACE = [
    parse_parameter("plugins.neighbours.neighbours=50:400"),
    parse_parameter("plugins.factors.embedding_size=8,16"),
]


@pytest.fixture
def asked(monkeypatch):
    """Trials are worth more the nearer ``neighbours`` is to 100; 200 unless set; each is recorded."""
    trials = []

    def quality(dataset, plugins, settings, options, *, objective, catalog_id, step, progress):
        neighbours = settings.plugins.get("neighbours", {}).get("neighbours", 200)
        trials.append(neighbours)
        value = 1 - abs(neighbours - 100) / 1000
        step(0, value)
        return value

    monkeypatch.setattr(module, "quality", quality)
    return trials


@pytest.fixture
def search(dataset, plugins, settings):
    def run(trials, **options):
        return tune(dataset, plugins, settings, SPACE, objective="new-user", trials=trials, **options)

    return run


def test_the_first_trial_is_of_the_settings_as_they_are_and_the_best_is_found(search, asked):
    found = search(12)
    assert asked[0] == 200
    assert found.current == pytest.approx(0.9)
    assert found.value > found.current
    assert found.value == pytest.approx(1 - abs(found.settings["plugins.neighbours.neighbours"] - 100) / 1000)
    assert found.settings["plugins.factors.embedding_size"] in (8, 16)
    assert found.trials == 12


def test_a_second_run_goes_on_and_a_third_has_nothing_to_do(search, asked):
    assert search(3).trials == 3
    assert search(5).trials == 5
    assert len(asked) == 5
    assert asked.count(200) == 1, "the settings as they are count once"
    assert search(5).trials == 5
    assert len(asked) == 5


def test_another_question_is_another_study(search, asked):
    first = search(1)
    assert search(1, options=FitOptions(seed=1)).study != first.study
    assert search(1, question="without fold 0").study != first.study
    assert len(asked) == 3


def test_what_ended_stays_when_a_trial_is_interrupted(search, asked, monkeypatch):
    search(2)
    whole = module.quality

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "quality", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search(4)
    monkeypatch.setattr(module, "quality", whole)
    assert search(4).trials == 4
    assert len(asked) == 4


def test_an_interrupted_first_trial_is_asked_again(search, asked, monkeypatch):
    whole = module.quality

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "quality", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search(2)
    monkeypatch.setattr(module, "quality", whole)
    assert search(2).current == pytest.approx(0.9)


def test_a_trial_that_fails_is_left_out_but_settings_that_fail_as_they_are_are_an_error(search, asked, monkeypatch):
    whole = module.quality

    def sometimes(dataset, plugins, settings, options, **rest):
        if len(asked) == 1:
            asked.append(0)
            raise ArithmeticError("diverged")
        return whole(dataset, plugins, settings, options, **rest)

    monkeypatch.setattr(module, "quality", sometimes)
    assert search(3).trials == 2

    def always(*_args, **_kwargs):
        raise ArithmeticError("diverged")

    monkeypatch.setattr(module, "quality", always)
    with pytest.raises(ArithmeticError):
        search(3, question="another")


def test_trials_that_fall_behind_end_early(search, asked, monkeypatch):
    def two_steps(dataset, plugins, settings, options, *, objective, catalog_id, step, progress):
        asked.append("begun")
        value = 1.0 / len(asked)
        step(0, value)
        asked[-1] = "ended"
        return value

    monkeypatch.setattr(module, "quality", two_steps)
    found = search(8)
    assert found.pruned > 0
    assert asked.count("begun") == found.pruned
    assert (found.value, found.settings) == (1.0, {}), "nothing beats the settings as they are"


def test_no_time_means_no_trial(search, asked):
    assert search(3, timeout_s=0.0).trials == 0
    assert asked == []


def test_settings_are_overridden_beside_the_others(tmp_path):
    settings = Settings(home=tmp_path, plugins={"factors": {"iterations": 3}, "popularity": {}})
    found = module.overridden(settings, {"plugins.factors.embedding_size": 8, "plugins.sequence.epochs": 2})
    assert found.plugins == {
        "factors": {"iterations": 3, "embedding_size": 8},
        "popularity": {},
        "sequence": {"epochs": 2},
    }
    assert settings.plugins["factors"] == {"iterations": 3}

"""``firstlight tune`` from argument to settings; the trials are stand-ins."""

import json

import pytest

from firstlight.cli.run import run
from firstlight.settings import Settings
from firstlight.tuning import study


@pytest.fixture
def home(tmp_path, monkeypatch, capsys):
    """A small shop, where a trial is worth more the fewer ``neighbours`` there are."""

    def quality(dataset, plugins, settings, options, *, objective, catalog_id, step, progress):
        asked.append((len(dataset.user_ids), options.preset, options.seed, options.device, objective))
        return 1 - settings.plugins.get("neighbours", {}).get("neighbours", 200) / 1000

    asked = []
    home = tmp_path / "home"
    monkeypatch.setenv("FIRSTLIGHT_HOME", str(home))
    monkeypatch.setattr(study, "quality", quality)
    assert run(["init"]) == 0
    rows = [f"u{u},i{i}" for u in range(10) for i in range(5)]
    (tmp_path / "clicks.csv").write_text("user_id,item_id\n" + "\n".join(rows) + "\n")
    assert run(["import", "--interactions", str(tmp_path / "clicks.csv")]) == 0
    capsys.readouterr()
    return home, asked


PARAM = ["tune", "--device", "cpu", "--param", "plugins.neighbours.neighbours=50,100,200"]


def test_the_best_settings_are_printed_to_paste(home, capsys):
    assert run([*PARAM, "--trials", "12"]) == 0
    out = capsys.readouterr().out
    assert "# 12 trials, 0 of them ended early. Best NDCG@10: 0.9500; the settings as they were: 0.8000" in out
    assert "[plugins.neighbours]\nneighbours = 50" in out
    assert Settings.load(home[0]).plugins == {}


def test_written_settings_are_read_by_the_next_training(home, capsys):
    folder, asked = home
    assert run([*PARAM, "--trials", "12", "--write", "--json", "--preset", "base", "--seed", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings"] == {"plugins.neighbours.neighbours": 50}
    assert found["written"] == str(folder / "firstlight.toml")
    assert Settings.load(folder).plugins == {"neighbours": {"neighbours": 50}}
    assert set(asked) == {(10, "base", 3, "cpu", "new-user")}


def test_an_excluded_fold_is_not_seen(home):
    assert run([*PARAM, "--trials", "1", "--exclude-fold", "0", "--objective", "new-item"]) == 0
    assert home[1] == [(8, "small", 0, "cpu", "new-item")]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--param", "plugins.neighbours.neighbours"], "write plugins.COMPONENT.SETTING"),
        (["--param", "plugins.neighbours.count=1:2"], "unknown setting 'count'"),
        (["--exclude-fold", "5"], "--exclude-fold"),
    ],
)
def test_wrong_wishes_are_one_line_and_cost_no_trial(home, capsys, arguments, problem):
    assert run(["tune", "--device", "cpu", *arguments]) == 2
    assert problem in capsys.readouterr().err.splitlines()[-1]
    assert home[1] == []

from __future__ import annotations

import tomllib

import pytest

from firstlight.errors import InvalidInputError, PreconditionError, Reason
from firstlight.settings import DIRECTORIES, HOME_FORMAT, Settings, init_home


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("FIRSTLIGHT_HOME", "/somewhere/else")
    return tmp_path / "home"


def test_a_new_home_has_its_layout_and_defaults(home):
    settings = init_home(home)
    assert settings == Settings.load(home)
    assert all((home / name).is_dir() for name in DIRECTORIES)
    assert (settings.home, settings.serve.port, settings.train.preset) == (home, 7070, "small")
    assert settings.store_url == f"sqlite:///{home / 'firstlight.db'}"


def test_every_commented_setting_is_valid_once_uncommented(home):
    init_home(home)
    file = home / "firstlight.toml"
    lines = file.read_text().splitlines()
    enabled = [line.removeprefix("# ") if " = " in line or line.startswith("# [") else line for line in lines]
    file.write_text("\n".join(enabled))
    shown = tomllib.loads(file.read_text())
    settings = Settings.load(home)
    for table in ("serve", "train"):
        assert set(shown[table]) == set(type(getattr(settings, table)).model_fields)
    assert set(shown) | {"home"} == {*Settings.model_fields, "format"}


def test_making_a_home_again_keeps_what_was_set(home):
    init_home(home)
    file = home / "firstlight.toml"
    file.write_text(file.read_text().replace("# port = 7070", "port = 9000"))
    before = file.read_bytes()
    assert init_home(home).serve.port == 9000
    assert file.read_bytes() == before
    assert init_home(home, database_url="postgresql://h/d").database_url == "postgresql://h/d"
    assert init_home(home).store_url == "postgresql://h/d"
    assert "port = 9000" in file.read_text()


def test_the_environment_overrides_every_level(home, monkeypatch):
    init_home(home)
    for name, value in {
        "FIRSTLIGHT_SERVE__PORT": "9001",
        "FIRSTLIGHT_TRAIN__TIME_BUDGET_MIN": "2.5",
        "FIRSTLIGHT_RANKER": "other",
        "FIRSTLIGHT_DISABLE_PLUGINS": "factors, sequence",
        "FIRSTLIGHT_PLUGINS__POPULARITY__HALF_LIFE_DAYS": "30",
        "FIRSTLIGHT_DATABASE_URL": "postgresql://h/d",
    }.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load(home)
    assert settings.home == home
    assert (settings.serve.port, settings.train.time_budget_min, settings.ranker) == (9001, 2.5, "other")
    assert settings.disable_plugins == ("factors", "sequence")
    assert settings.plugins == {"popularity": {"half_life_days": "30"}}
    assert settings.store_url == "postgresql://h/d"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rankr = 'x'", "rankr: unknown setting; did you mean 'ranker'?"),
        ("[serve]\nprot = 1", "serve.prot: unknown setting; did you mean 'port'?"),
        ("[sevre]\nport = 1", "sevre: unknown setting; did you mean 'serve'?"),
        ("[serve]\nport = 70000", "serve.port:"),
        ("[train]\npreset = 'huge'", "train.preset:"),
        ("[train]\nseed = 2147483648", "train.seed:"),
        ("[serve\nport = 1", "not valid TOML"),
    ],
)
def test_bad_settings_are_named(home, text, complaint):
    init_home(home)
    (home / "firstlight.toml").write_text(text)
    with pytest.raises(InvalidInputError) as caught:
        Settings.load(home)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value).split(": ", 1)[0]
    assert caught.value.reason is Reason.SETTINGS_INVALID


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("FIRSTLIGHT_SEVRE__PORT", "1", "did you mean 'serve'"),
        ("FIRSTLIGHT_SERVE__PROT", "1", "did you mean 'port'"),
        ("FIRSTLIGHT_SERVE__PORT", "many", r"serve\.port \(from FIRSTLIGHT_SERVE__PORT\)"),
        ("FIRSTLIGHT_PLUGINS", "{not json", "plugins"),
    ],
)
def test_a_bad_environment_is_named(home, monkeypatch, name, value, complaint):
    init_home(home)
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError, match=complaint):
        Settings.load(home)


def test_a_directory_that_is_no_home(home):
    with pytest.raises(PreconditionError, match="firstlight init") as caught:
        Settings.load(home)
    assert caught.value.reason is Reason.HOME_NOT_FOUND


def test_a_home_made_by_a_newer_version_is_left_alone(home):
    init_home(home)
    file = home / "firstlight.toml"
    text = file.read_text().replace(f"format = {HOME_FORMAT}", f"format = {HOME_FORMAT + 1}") + "\n[new]\nkey = 1\n"
    file.write_text(text)
    for action in (Settings.load, init_home):
        with pytest.raises(PreconditionError, match="newer version") as caught:
            action(home)
        assert caught.value.reason is Reason.HOME_TOO_NEW
    assert file.read_text() == text


def test_settings_are_frozen_and_hide_the_database_password(home):
    settings = init_home(home, database_url="postgresql://me:secret@h/d")
    assert "secret" not in repr(settings)
    with pytest.raises(ValueError, match="frozen"):
        settings.ranker = "x"

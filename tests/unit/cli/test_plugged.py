"""Plugins on the command line: commands of their own, readers for imports, and what bad ones cannot do."""

from __future__ import annotations

import json
import subprocess
import sys
from textwrap import dedent

import pytest

from firstlight.cli import plugged
from firstlight.cli.run import run
from firstlight.plugins import GROUP

GOOD = '''
from typing import Annotated

import typer

from firstlight import FirstlightError, hookimpl, InvalidInputError


def hello(name: str, loud: Annotated[bool, typer.Option(help="Shout.")] = False, home: str = "") -> int:
    """Greet somebody.

    Example:

        firstlight hello Ann
    """
    print(f"hello {name}".upper() if loud else f"hello {name}")
    return 7


def fail(how: str) -> None:
    """Fail in one of many ways."""
    match how:
        case "exit":
            raise typer.Exit(5)
        case "sys":
            raise SystemExit(6)
        case "text":
            raise SystemExit("no more")
        case "input":
            raise InvalidInputError("wrong input")
        case "file":
            open("/nowhere/at/all")
        case "interrupt":
            raise KeyboardInterrupt
    raise ValueError("boom")


shop = typer.Typer(help="What is in the shop.")


@shop.command("count")
def count() -> None:
    """Count."""
    print("three")


@hookimpl
def firstlight_register_cli_command(register) -> None:
    register("hello", hello)
    register("fail", fail)
    register("shop", shop)
'''
BAD = '''
from pydantic import BaseModel

from firstlight import hookimpl


def odd(what: int | str) -> None:
    """Typer knows no such parameter."""


def train() -> None:
    """Take the place of the built-in one."""
    print("mine")


class Settings(BaseModel):
    pass


@hookimpl
def firstlight_register_cli_command(register) -> None:
    register("odd", odd)
    register("train", train)
    register("settled", print, config=Settings)
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that can be imported and that the environment names as a plugin."""
    names = []

    def write(name, text):
        (tmp_path / "modules").mkdir(exist_ok=True)
        (tmp_path / "modules" / f"{name}.py").write_text(dedent(text), "utf-8")
        names.append(name)
        monkeypatch.setenv("FIRSTLIGHT_LOAD_PLUGINS", ",".join(names))

    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    monkeypatch.setenv("FIRSTLIGHT_HOME", str(tmp_path / "home"))
    yield write
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def good(module):
    module("shop_commands", GOOD)


def said(capsys):
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_a_command_of_a_plugin_runs(good, capsys):
    assert run(["hello", "Ann", "--loud"]) == 0  # what it returns is no exit code, as in Typer
    assert said(capsys) == ("HELLO ANN\n", "")
    assert run(["shop", "count"]) == 0
    assert said(capsys)[0] == "three\n"


def test_help_lists_commands_of_plugins_under_their_own_title(good, capsys):
    assert run(["--help"]) == 0
    help_text = said(capsys)[0]
    title = help_text.index("Plugin commands")
    for text in ("hello", "Greet somebody.", "shop", "What is in the shop."):
        assert help_text.index(text) > title
    assert help_text.index("evaluate") < title
    assert run(["hello", "--help"]) == 0
    assert "Shout." in said(capsys)[0]
    assert run(["shop", "--help"]) == 0
    assert "count" in said(capsys)[0]


def test_wrong_use_of_a_plugin_command_is_said_like_any_other(good, capsys):
    assert run(["hello"]) == 2
    assert "missing argument 'name'" in said(capsys)[1].lower()
    assert run(["hellp", "Ann"]) == 2
    assert "Did you mean 'hello'" in said(capsys)[1]


@pytest.mark.parametrize(
    ("how", "code", "text"),
    [
        ("exit", 5, ""),
        ("sys", 6, ""),
        ("text", 1, "no more\n"),
        ("input", 2, "error: wrong input\n"),
        ("file", 1, "error: No such file or directory: /nowhere/at/all\n"),
        ("interrupt", 130, "interrupted\n"),
        (
            "value",
            1,
            "error: command 'fail' of plugin 'shop_commands' failed: ValueError: boom "
            "(FIRSTLIGHT_DEBUG=1 shows where)\n",
        ),
    ],
)
def test_how_a_plugin_command_fails(good, capsys, how, code, text):
    assert run(["fail", how]) == code
    assert said(capsys)[1] == text


def test_bad_commands_are_left_out_and_named(good, module, capsys, caplog):
    module("bad_commands", BAD)
    assert run(["--help"]) == 0
    help_text = said(capsys)[0]
    assert "hello" in help_text
    assert "Take the place" not in help_text
    assert "command train of plugin bad_commands is left out: there is a built-in one" in caplog.text
    assert run(["odd", "1"]) == 1
    assert "command 'odd' of plugin 'bad_commands' cannot be used" in said(capsys)[1]
    assert run(["settled"]) == 1
    assert "takes no config" in said(capsys)[1]
    assert run(["train"]) == 1
    assert "run `firstlight init`" in said(capsys)[1]


def test_a_plugin_that_cannot_be_imported_breaks_nothing(good, module, capsys, caplog):
    module("broken_plugin", "raise SystemExit('not me')\n")
    assert run(["--help"]) == 0
    assert "hello" in said(capsys)[0]
    assert "plugin broken_plugin was not loaded" in caplog.text
    assert run(["hello", "Ann"]) == 0
    assert run(["nonsense"]) == 2


def test_strict_plugins_do_not_break_help_or_built_in_commands(module, capsys, monkeypatch, caplog):
    module("broken_plugin", "1 / 0\n")
    monkeypatch.setenv("FIRSTLIGHT_STRICT_PLUGINS", "true")
    assert run(["--help"]) == 0
    assert "evaluate" in said(capsys)[0]
    assert "commands of plugins are left out" in caplog.text
    assert run(["init"]) == 0
    assert run(["hello"]) == 1
    assert "strict_plugins" in said(capsys)[1]


def test_the_rules_of_the_home_hold(good, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("FIRSTLIGHT_LOAD_PLUGINS")
    assert run(["init"]) == 0
    other = tmp_path / "other"
    assert run(["init", "--home", str(other)]) == 0
    assert run(["hello", "Ann"]) == 2
    (other / "firstlight.toml").write_text('load_plugins = ["shop_commands"]\n')
    said(capsys)
    assert run(["hello", "Ann", "--home", str(other)]) == 0
    assert run(["hello", "Ann", f"--home={other}"]) == 0
    assert run(["hello", "Ann"]) == 2
    monkeypatch.setenv("FIRSTLIGHT_HOME", str(other))
    assert run(["hello", "Ann"]) == 0
    monkeypatch.setenv("FIRSTLIGHT_DISABLE_PLUGINS", "shop_commands")
    said(capsys)
    assert run(["hello", "Ann"]) == 2
    assert "No such command 'hello'" in said(capsys)[1]


@pytest.mark.parametrize("text", ["nonsense", 'load_plugins = ["x"]\nrankr = "y"\n'])
def test_wrong_settings_break_no_help(tmp_path, capsys, monkeypatch, caplog, text):
    monkeypatch.setenv("FIRSTLIGHT_HOME", str(tmp_path))
    (tmp_path / "firstlight.toml").write_text(text)
    assert run(["--help"]) == 0
    assert "evaluate" in said(capsys)[0]
    assert "commands of plugins are left out" in caplog.text
    assert run(["hello"]) == 2
    assert str(tmp_path / "firstlight.toml") in said(capsys)[1]


def test_built_in_commands_import_no_plugin(good, capsys):
    assert run(["init"]) == 0
    assert run(["import", "--help"]) == 0
    assert run(["--version"]) == 0
    assert "shop_commands" not in sys.modules


@pytest.mark.parametrize(
    ("arguments", "home"),
    [
        (["x", "--home", "a"], "a"),
        (["x", "--home=b"], "b"),
        (["x", "--", "--home", "a"], None),
        (["x", "--home"], None),
    ],
)
def test_the_home_among_arguments_that_nobody_has_parsed(arguments, home):
    found = plugged._home_in(arguments)
    assert (found and str(found)) == home


def test_the_group_is_the_one_plugins_are_found_in():
    assert plugged.GROUP == GROUP


def test_a_reader_that_goes_away_is_no_failure_of_a_plugin(good, tmp_path):
    command = f"PYTHONPATH={tmp_path / 'modules'} {sys.executable} -m firstlight.cli shop count | true"
    done = subprocess.run(
        ["bash", "-c", command + "; exit ${PIPESTATUS[0]}"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


READER = """
from firstlight import hookimpl


class Pairs:
    suffixes = (".pairs",)

    def read(self, path):
        rows = [line.split(":") for line in path.read_text("utf-8").split()]
        return {"user_id": [row[0] for row in rows], "item_id": [row[1] for row in rows]}


@hookimpl
def firstlight_register_dataset_reader(register):
    register("pairs", Pairs)
"""


def test_an_import_through_a_plugin(module, tmp_path, capsys):
    module("pairs_reader", READER)
    assert run(["init"]) == 0
    (tmp_path / "clicks.pairs").write_text("ann:a\nbob:b\n")
    (tmp_path / "bad.pairs").write_text("ann\n")
    capsys.readouterr()
    assert run(["import", "--interactions", str(tmp_path / "clicks.pairs"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["interactions_written"] == 2
    assert run(["import", "--interactions", str(tmp_path / "bad.pairs")]) == 2
    assert "bad.pairs: dataset reader 'pairs' failed: IndexError" in capsys.readouterr().err

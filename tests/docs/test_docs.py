"""What the documentation says is true: commands parse, code compiles, links lead somewhere, hooks are described."""

import ast
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

import firstlight
from firstlight.cli.app import build_app
from firstlight.cli.run import run

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def commands() -> dict[str, typer.core.TyperCommand]:
    """Every command by its words, such as ``bundles list``."""
    found = {}

    def walk(command, words):
        if hasattr(command, "commands"):
            for name, child in command.commands.items():
                walk(child, [*words, name])
        else:
            found[" ".join(words)] = command

    walk(typer.main.get_command(build_app()), [])
    return found


def documented_lines() -> list[str]:
    lines = [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]
    lines += [line for command in commands().values() for line in command.help.splitlines()]
    return sorted({line.partition(" #")[0].strip() for line in lines if line.strip().startswith("firstlight ")})


@pytest.mark.parametrize("line", documented_lines())
def test_every_documented_command_line_parses(line):
    command, context = typer.main.get_command(build_app()), None
    name, arguments = "firstlight", shlex.split(line)[1:]
    while hasattr(command, "commands"):
        context = command.make_context(name, arguments[:0], parent=context, resilient_parsing=True)
        name, command, arguments = command.resolve_command(context, arguments)
    command.make_context(name, arguments, parent=context)


@pytest.mark.parametrize("words", commands())
def test_every_command_has_help_with_an_example_and_takes_home_and_catalog(words, capsys):
    assert run([*words.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert re.search(rf"Examples?:.*firstlight {words}", text, flags=re.DOTALL)
    assert "--home" in text
    assert "--catalog" in text


@pytest.mark.parametrize("words", commands())
def test_every_command_and_option_is_on_the_command_line_page(words):
    page = (ROOT / "docs/cli.md").read_text()
    assert f"firstlight {words}" in page
    options = {name for p in commands()[words].params if not getattr(p, "hidden", False) for name in p.opts}
    missing = [name for name in options if name.startswith("--") and name not in page]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_compiles_and_settings_parse(page):
    for code in blocks(page, "python"):
        ast.parse(code)
    for text in blocks(page, "toml"):
        tomllib.loads(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing


def test_every_public_name_resolves_and_is_listed_once():
    assert len(set(firstlight.__all__)) == len(firstlight.__all__)
    for name in firstlight.__all__:
        assert getattr(firstlight, name) is not None


def test_the_quick_start_files_import_as_it_says(tmp_path, monkeypatch, capsys):
    page = ROOT / "docs/quickstart.md"
    ratings, books, readers = blocks(page, "csv")
    (schema,) = blocks(page, "toml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTLIGHT_HOME", str(tmp_path / "bookshop"))
    for name, text in {
        "ratings.csv": ratings,
        "books.csv": books,
        "readers.csv": readers,
        "schema.toml": schema,
    }.items():
        (tmp_path / name).write_text(text)
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    for line in lines:
        if line.startswith(("firstlight init", "firstlight import")):
            assert run(shlex.split(line)[1:]) == 0
    text = capsys.readouterr().out
    assert "genres (multi at '|')" in text
    assert "left out" not in text

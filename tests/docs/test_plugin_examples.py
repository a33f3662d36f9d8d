"""docs/plugins/examples.md and testing.md: code is that of the examples or runs, settings are settings."""

import os
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from firstlight import testing
from firstlight.plugins import load_plugins

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/plugins"
EXAMPLES = ROOT / "plugins/examples"
SHOWN = ("firstlight-bandit", "firstlight-boosts")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def normal(code: str) -> str:
    return "\n".join(line.rstrip() for line in textwrap.dedent(code).splitlines())


@pytest.mark.parametrize("code", blocks(PAGES / "examples.md", "python"))
def test_the_code_shown_is_that_of_an_example(code):
    """Each line of a block is in the example's source, in order: lines between them may be left out."""
    found = []
    for example in SHOWN:
        source = "\n".join(path.read_text() for path in sorted((EXAMPLES / example).rglob("*.py")))
        lines = iter([line.strip() for line in source.splitlines()])
        found.append(all(line.strip() in lines for line in code.splitlines()))
    assert any(found)


PAGES_WITH_SETTINGS = [PAGES / "examples.md", *(EXAMPLES / name / "README.md" for name in SHOWN)]


@pytest.mark.parametrize(
    "code", [code for page in PAGES_WITH_SETTINGS for code in blocks(page, "toml")], ids=lambda code: code[:18]
)
def test_the_settings_shown_are_settings(monkeypatch, code):
    for name in SHOWN:
        monkeypatch.syspath_prepend(EXAMPLES / name)
    from importlib.metadata import EntryPoint

    points = [EntryPoint(name, f"firstlight_{name}", "firstlight.plugins") for name in ("bandit", "boosts")]
    registrations = load_plugins(extra=points).registrations
    for name, table in tomllib.loads(code)["plugins"].items():
        assert registrations[name].create(table)


@pytest.fixture(scope="module")
def tests_shown(tmp_path_factory) -> subprocess.CompletedProcess[str]:
    """The tests on the page, run as its command says."""
    folder = tmp_path_factory.mktemp("page")
    for n, code in enumerate(blocks(PAGES / "testing.md", "python")):
        (folder / f"test_block_{n}.py").write_text(code)
    (command,) = blocks(PAGES / "testing.md", "sh")
    command = command.strip().replace("pytest", f"{sys.executable} -m pytest -q -p no:cacheprovider")
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False, env=os.environ)


def test_the_tests_shown_pass(tests_shown):
    assert tests_shown.returncode == 0, tests_shown.stdout
    assert " passed" in tests_shown.stdout


def test_every_kit_and_every_capability_is_listed():
    text = (PAGES / "testing.md").read_text()
    for kit in testing.CONTRACTS.values():
        (row,) = [line for line in text.splitlines() if line.startswith("|") and f"`{kit.__name__}`" in line]
        assert {name for name in kit.capabilities if f"`{name}`" not in row} == set()

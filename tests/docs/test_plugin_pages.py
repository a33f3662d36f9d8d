"""docs/plugins: every hook and role has its section, its exact signature and a test; every block of code runs."""

import inspect
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import firstlight
from firstlight import hookspecs, testing
from firstlight.plugins import load_plugins
from firstlight.roles import ROLES
from firstlight.settings import Settings, init_home

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/plugins"
HOOKS = [name for name, value in vars(hookspecs).items() if name.startswith("firstlight_") and callable(value)]


def text(page: str) -> str:
    return (PAGES / page).read_text()


def sections(page: str) -> dict[str, str]:
    """What stands under each heading, by its words."""
    parts = re.split(r"^#+ `?([^`\n]+)`?\n", text(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def one_line(code: str) -> str:
    """Without the line breaks and quotes that a formatter makes."""
    return re.sub(r",? \)", ")", re.sub(r"\s+", " ", code)).replace("( ", "(").replace("'", '"')


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), flags=re.DOTALL | re.MULTILINE)


def signature(name: str, function) -> str:
    """``name(argument: type, ...) -> type``, as one writes it."""
    found, parts, starred = inspect.signature(function), [], False
    for parameter in found.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        typed = f": {parameter.annotation}" if parameter.annotation is not parameter.empty else ""
        default = parameter.default
        given = "" if default is parameter.empty else f" = {getattr(default, '__name__', repr(default))}"
        parts.append(f"{stars}{parameter.name}{typed}{given}")
    return f"{name}({', '.join(parts)}) -> {found.return_annotation}"


def sources(*folders: str) -> str:
    return "\n".join(path.read_text() for folder in folders for path in (ROOT / "tests" / folder).rglob("*.py"))


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_its_section_with_its_exact_signature(name):
    hook = getattr(hookspecs, name)
    section = sections("hooks.md")[name]
    assert f"def {signature(name, hook)}:" in one_line(section)
    assert "Since 0." in section
    assert "Failure:" in hook.__doc__
    assert "Since 0." in hook.__doc__


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_a_test(name):
    role = name.removeprefix("firstlight_register_")
    if role in ROLES:  # tests/plugins installs this and sees it at work
        assert name in (ROOT / f"engine/firstlight/cli/new_plugin/{role}.py.txt").read_text()
    else:
        assert name in sources("unit", "grpc", "e2e")


def contract(role: str) -> str:
    return testing.CONTRACTS[role].__name__


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_section_with_its_exact_signatures(role):
    section, protocol = sections("roles.md")[role], ROLES[role]
    documented = 0
    for name, member in inspect.getmembers(protocol):
        if name.startswith("_") and not (name == "__call__" and role == "cli_command"):
            continue
        if isinstance(member, property):
            assert one_line(f" {name}: {inspect.signature(member.fget).return_annotation}") in one_line(section)
        elif inspect.isfunction(member):
            assert f" def {signature(name, member)}: ..." in one_line(section)
        documented += 1
    attributes = {n: a for base in protocol.__mro__ for n, a in vars(base).get("__annotations__", {}).items()}
    assert all(f"    {name}: {annotation}" in section for name, annotation in attributes.items())
    assert documented + len(attributes) > 0
    assert f"firstlight.testing.{contract(role)}" in section


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_kit_that_tests_use(role):
    assert issubclass(getattr(testing, contract(role)), object)
    assert f"({contract(role)})" in sources("contract", "e2e")


def namespace() -> dict[str, object]:
    """What the signatures on the pages name."""
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    import numpy as np
    from numpy.typing import NDArray

    from firstlight.roles import no_progress

    known = {name: getattr(firstlight, name) for name in firstlight.__all__}
    typed = {"Any": Any, "Literal": Literal, "Mapping": Mapping, "NDArray": NDArray, "Path": Path, "Sequence": Sequence}
    return {**known, **typed, "no_progress": no_progress, "np": np}


@pytest.mark.parametrize("page", ["hooks.md", "roles.md"])
def test_the_blocks_of_code_run(page):
    found = blocks(page, "python")
    assert found
    for code in found:
        exec(compile(code, page, "exec"), namespace())


def test_a_contract_on_the_page_passes_as_it_stands(tmp_path):
    (code,) = [block for block in blocks("roles.md", "python") if "Contract" in block]
    (tmp_path / "test_same.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("code", blocks("index.md", "toml"))
def test_the_settings_are_settings(tmp_path, code):
    home = init_home(tmp_path / "home").home
    (home / "firstlight.toml").write_text(code)
    settings = Settings.load(home)
    assert tomllib.loads(code).keys() <= settings.model_fields_set
    registrations = load_plugins().registrations
    for name, table in settings.plugins.items():
        assert registrations[name].create(table)


class Shell:
    """Runs the tutorial's commands in a virtual environment of its own, outside the repository."""

    def __init__(self, folder: Path) -> None:
        self.folder, venv = folder, folder / ".venv"
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        (site,) = venv.glob("lib/python*/site-packages")
        (site / "shared.pth").write_text(
            "\n".join([*map(str, (ROOT / "engine", ROOT / "plugins")), *(p for p in sys.path if Path(p).is_dir())])
        )
        for old in site.glob("setuptools*"):  # the environment's is new enough to build without the network
            shutil.rmtree(old)
        script = venv / "bin/firstlight"
        script.write_text(f"#!{venv}/bin/python\nimport sys\nfrom firstlight.cli import main\nsys.exit(main())\n")
        script.chmod(0o755)
        tests = venv / "bin/pytest"
        tests.write_text(f'#!/bin/sh\nexec {venv}/bin/python -m pytest -p no:cacheprovider "$@"\n')
        tests.chmod(0o755)
        self._environment = {**os.environ, "PATH": f"{venv}/bin:{os.environ['PATH']}", "PIP_NO_INDEX": "1"}
        self._server: subprocess.Popen[str] | None = None

    def run(self, line: str) -> str:
        if line.startswith("firstlight serve"):
            self.stop()
            words = line.replace("7171", "0")
            self._server = subprocess.Popen(
                words.split(), cwd=self.folder, env=self._environment, stdout=subprocess.PIPE, text=True
            )
            self.address = next(each for each in self._server.stdout if "Serving on " in each).split()[-1]
            return ""
        line = line.replace("pip install", "pip install --no-deps --no-build-isolation")
        line = line.replace("127.0.0.1:7171", getattr(self, "address", ""))
        done = subprocess.run(
            line, shell=True, cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def stop(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGTERM)
            self._server.communicate(timeout=30)
            assert self._server.returncode == 0
            self._server = None


def test_the_tutorial_leads_where_it_says(tmp_path):
    (data,) = blocks("tutorial.md", "python")
    (tmp_path / "data.py").write_text(data)
    shell = Shell(tmp_path)
    try:
        lines = "".join(blocks("tutorial.md", "sh")).splitlines()
        outputs = {line: shell.run(line) for line in lines}
        asked = next(line for line in lines if line.startswith("firstlight recommend"))
        assert "shop-moods" in outputs[asked]
        assert " passed" in outputs["pytest shop-moods"]
        without = json.loads(shell.run(f"{asked} --json"))
    finally:
        shell.stop()
    assert any("shop-moods" in json.dumps(each) for each in without["degraded"])
    assert "shop-moods" not in json.dumps(without["items"])

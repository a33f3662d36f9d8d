"""The example plugins: installed with pip, typed, tested by their own tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "plugins/examples"
GOOD = ("firstlight-bandit", "firstlight-boosts")
PACKAGES = ("firstlight_bandit", "firstlight_boosts", "firstlight_bad")

pytestmark = pytest.mark.xdist_group("examples")


def python(*words, **environment) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder with the three of them installed."""
    target = tmp_path_factory.mktemp("site")
    sources = [
        shutil.copytree(
            EXAMPLES / name, tmp_path_factory.mktemp("build") / name, ignore=shutil.ignore_patterns("*.egg*")
        )
        for name in (*GOOD, "bad")
    ]
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", target]
    python("-m", "pip", "install", *options, *sources)
    return target


def test_their_own_tests_pass(site):
    """In one run, beside the bad plugin, which is installed too."""
    folders = [EXAMPLES / name / "tests" for name in GOOD]
    options = ["-q", "-c", os.devnull, f"--rootdir={EXAMPLES}", "-p", "no:cacheprovider", "-W", "error"]
    out = python("-m", "pytest", *options, *folders, PYTHONPATH=str(site))
    assert " passed" in out


def test_they_are_typed(tmp_path):
    paths = [ROOT / "engine", *(EXAMPLES / name for name in (*GOOD, "bad"))]
    names = [word for name in PACKAGES for word in ("-p", name)]
    settings = tmp_path / "mypy.ini"
    settings.write_text("[mypy]\nstrict = true\n[mypy-firstlight.*]\nfollow_imports = silent\n")
    options = ["--config-file", settings, "--cache-dir", tmp_path / "cache"]
    python("-m", "mypy", *options, *names, MYPYPATH=os.pathsep.join(map(str, paths)))


def test_plugins_list_tells_what_each_of_them_is(site, tmp_path):
    out = python("-m", "firstlight.cli", "plugins", "list", "--json", "--home", tmp_path, PYTHONPATH=str(site))
    for text in ('"bandit"', '"boosts"', '"bad-import"', "this plugin cannot be imported"):
        assert text in out

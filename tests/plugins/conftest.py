"""The example plugins, as if they were installed."""

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from firstlight.plugins import GROUP

EXAMPLES = Path(__file__).parents[2] / "plugins/examples"


@pytest.fixture
def bad_points(monkeypatch) -> dict[str, EntryPoint]:
    """The entry points of the bad plugin, by name; its package can be imported."""
    monkeypatch.syspath_prepend(EXAMPLES / "bad")
    project = tomllib.loads((EXAMPLES / "bad/pyproject.toml").read_text())["project"]
    return {name: EntryPoint(name, value, GROUP) for name, value in project["entry-points"][GROUP].items()}

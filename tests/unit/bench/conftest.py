"""A benchmark's modules are scripts beside each other; those of another one have the same names."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[3] / "bench"


@pytest.fixture(scope="module", autouse=True)
def on_path(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The folder of the benchmark that ``test_<name>.py`` is about: importable while that runs, and forgotten then."""
    folder = BENCH / request.path.stem.removeprefix("test_")
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]

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
    shadowed = {name: sys.modules.pop(name) for name in _names(folder) & set(sys.modules)}
    before = set(sys.modules)
    places = [str(folder), str(BENCH)]
    sys.path[:0] = places
    yield folder
    for place in places:
        sys.path.remove(place)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
    sys.modules.update(shadowed)


def _names(folder: Path) -> set[str]:
    """Modules of the benchmark; scripts elsewhere in this repository have some of the same names."""
    return {path.stem for path in folder.glob("*.py")}

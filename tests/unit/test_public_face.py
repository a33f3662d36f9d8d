"""The names type checkers see are the names that load lazily, and all of them load."""

import ast
from pathlib import Path

import pytest

import firstlight


def test_checked_names_are_lazy_names() -> None:
    tree = ast.parse(Path(firstlight.__file__).read_text(encoding="utf-8"))
    checked = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("firstlight.")
        for alias in node.names
    }
    lazy = {name: home for home, names in firstlight._HOMES.items() for name in names}
    assert checked == lazy


@pytest.mark.parametrize("name", firstlight.__all__)
def test_every_public_name_loads(name: str) -> None:
    assert getattr(firstlight, name) is not None


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        firstlight.nonsense  # noqa: B018  # the access is the test

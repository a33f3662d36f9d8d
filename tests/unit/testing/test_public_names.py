"""The names of ``firstlight.testing`` that type checkers see are the names that load lazily, and all of them load."""

import ast
from pathlib import Path

import pytest

from firstlight import testing
from firstlight.roles import ROLES


def test_checked_names_are_lazy_names():
    tree = ast.parse(Path(testing.__file__).read_text(encoding="utf-8"))
    checked = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("firstlight.testing.")
        for alias in node.names
    }
    assert checked == testing._HOME_OF


@pytest.mark.parametrize("name", testing.__all__)
def test_every_name_loads(name):
    assert getattr(testing, name) is not None


def test_a_name_that_does_not_exist():
    with pytest.raises(AttributeError, match="nonsense"):
        testing.nonsense  # noqa: B018  # the access is the test


def test_every_role_has_its_kit():
    assert set(testing.CONTRACTS) == set(ROLES)


def test_what_the_reader_kit_holds_for_built_in_is_what_an_import_reads():
    from firstlight.datasets.readers import BUILT_IN_SUFFIXES
    from firstlight.testing.contracts import readers

    assert frozenset(BUILT_IN_SUFFIXES) == readers.BUILT_IN_SUFFIXES

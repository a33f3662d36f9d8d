import math

import pytest

from firstlight.errors import InvalidInputError
from firstlight.server.checks import Checks


def test_nothing_wrong_raises_nothing() -> None:
    with Checks() as checks:
        assert checks.id("é", "a") == "é"
        assert checks.optional_id("", "b") == ""
        assert checks.finite(-0.0, "c") == 0
        assert checks.catalog("") == "default"
        assert checks.batch([1], 1, "d")
        checks.unique(["a", "b"], "e", "id")


def test_everything_wrong_is_named_in_order() -> None:
    with pytest.raises(InvalidInputError) as caught, Checks() as checks:  # noqa: PT012  # the block is the subject
        checks.id("", "a")
        checks.finite(math.nan, "b")
        checks.catalog("UPPER")
        checks.batch([], 1, "c")
        assert not checks.at_most([1, 2], 1, "d")
        checks.unique(["x", "y", "x"], "e", "id")
    assert [v.field for v in caught.value.violations] == ["a", "b", "catalog_id", "c", "d", "e[2].id"]
    assert str(caught.value).endswith("(and 5 more)")


def test_an_error_inside_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), Checks() as checks:  # noqa: PT012  # the block is the subject
        checks.add("a", "is wrong")
        raise ZeroDivisionError


def test_only_20_are_kept() -> None:
    checks = Checks()
    for n in range(1000):
        checks.add(f"f[{n}]", "is wrong")
    assert (len(checks.error().violations), checks.error().total) == (20, 1000)

from types import SimpleNamespace

import pytest

from firstlight.errors import PluginError
from firstlight.pipeline.requirements import check_requirements, in_order


def components(**requires):
    return {name: SimpleNamespace(requires=needs) for name, needs in requires.items()}


def test_each_comes_after_what_it_requires():
    assert in_order(components(c=("b",), b=("a",), a=())) == ["a", "b", "c"]


def test_each_comes_after_what_it_learns_from_where_that_is_there():
    found = components(a=(), b=(), c=())
    found["a"].learns_from = ("c", "missing")
    assert in_order(found) == ["c", "a", "b"]
    check_requirements("a", found["a"], ready=())


def test_what_nobody_requires_keeps_its_place():
    assert in_order(components(b=(), a=(), c=("a",))) == ["b", "a", "c"]


@pytest.mark.parametrize("requires", [{"a": ("missing",)}, {"a": ("b",), "b": ("a",)}, {"a": ("a",)}])
def test_what_can_never_be_ready_is_named(requires):
    found = components(**requires)
    first = in_order(found)[0]
    with pytest.raises(PluginError, match=rf"component '{first}' requires '\w+', which is not there"):
        check_requirements(first, found[first], ready=())

from __future__ import annotations

from types import SimpleNamespace

import pytest

from firstlight.errors import PluginError
from firstlight.training.fitting import in_order


def components(**requires):
    return {name: SimpleNamespace(requires=needs) for name, needs in requires.items()}


def test_each_comes_after_what_it_requires():
    assert list(in_order(components(c=("b",), b=("a",), a=()))) == ["a", "b", "c"]


@pytest.mark.parametrize("requires", [{"a": ("missing",)}, {"a": ("b",), "b": ("a",)}])
def test_what_can_never_be_ready_is_named(requires):
    with pytest.raises(PluginError, match="component 'a' requires"):
        in_order(components(**requires))

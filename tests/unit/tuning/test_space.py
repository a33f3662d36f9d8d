"""What ``--param`` means, and what it cannot mean."""

import pytest

from firstlight.errors import InvalidInputError
from firstlight.tuning.space import Parameter, check_space, default_space, parse_parameter


def test_ranges_and_choices():
    rate = parse_parameter("plugins.sequence.learning_rate=1e-4:1e-2:log")
    assert (rate.name, rate.low, rate.high, rate.log) == ("plugins.sequence.learning_rate", 1e-4, 1e-2, True)
    whole = parse_parameter("plugins.factors.iterations = 3:10")
    assert (whole.low, whole.high, whole.log, type(whole.low)) == (3, 10, False, int)
    assert parse_parameter("plugins.factors.embedding_size=16,32,64").choices == (16, 32, 64)
    assert parse_parameter("plugins.sequence.optimizer=adam,sgd").choices == ("adam", "sgd")
    assert parse_parameter("plugins.x.flag=true,false").choices == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "plugins.a.b",
        "a.b=1:2",
        "plugins.a=1:2",
        "plugins.a.b=1",
        "plugins.a.b=2:1",
        "plugins.a.b=0:1:log",
        "plugins.a.b=1:2:cubic",
        "plugins.a.b=low:high",
        "plugins.a.b=1:2:log:log",
    ],
)
def test_what_is_neither_is_refused_and_named(text):
    with pytest.raises(InvalidInputError, match=r"plugins|write"):
        parse_parameter(text)


def test_the_default_space_is_of_the_components_that_are_there(plugins, every_plugin):
    components = {parameter.component for parameter in default_space(plugins)}
    assert "neighbours" in components
    assert "sequence" not in components
    for known in (plugins, every_plugin):
        check_space(default_space(known), known, {})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("plugins.none.size=1:2", "no component 'none'"),
        ("plugins.factors.sise=1:2", "unknown setting 'sise'"),
        ("plugins.factors.embedding_size=0:8", "embedding_size"),
        ("plugins.factors.objective=implicit,wrong", "objective"),
    ],
)
def test_what_a_component_does_not_take_is_told_before_the_long_work(plugins, text, problem):
    with pytest.raises(InvalidInputError, match=problem):
        check_space([parse_parameter(text)], plugins, {})


def test_a_space_names_each_setting_once_and_is_not_empty(plugins):
    twice = [Parameter("factors", "iterations", low=n, high=9) for n in (1, 2)]
    with pytest.raises(InvalidInputError, match="twice"):
        check_space(twice, plugins, {})
    with pytest.raises(InvalidInputError, match="nothing to search"):
        check_space([], plugins, {})

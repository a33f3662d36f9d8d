from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings, strategies as st

from firstlight.errors import InvalidInputError
from firstlight.store.codec import decode, encode

finite = st.floats(allow_nan=False, allow_infinity=False)
zones = st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))
values = st.one_of(
    st.text(),
    st.integers(),
    finite,
    st.booleans(),
    st.lists(st.text()).map(tuple),
    st.lists(finite).map(tuple),
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=zones),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(), values))
def test_every_value_comes_back_with_its_type(attributes):
    back = decode(encode(attributes))
    assert back == attributes
    assert {name: type(value) for name, value in back.items()} == {name: type(v) for name, v in attributes.items()}


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(), values))
def test_equal_attributes_give_equal_text(attributes):
    assert encode(attributes) == encode(dict(reversed(attributes.items())))


def test_whole_numbers_other_numbers_and_truth_values_differ():
    assert len({encode({"x": value}) for value in (1, 1.0, True, "1", ("1",), (1.0,))}) == 6


def test_a_time_without_a_zone_is_utc():
    assert decode(encode({"x": datetime(2024, 5, 1)})) == {"x": datetime(2024, 5, 1, tzinfo=UTC)}


@pytest.mark.parametrize("value", [math.nan, math.inf, (1.0, math.nan), ["list"], {"a": 1}, None, ("a", 1.0)])
def test_what_cannot_be_stored_is_refused_by_name(value):
    with pytest.raises(InvalidInputError, match="'price'") as caught:
        encode({"price": value})
    assert caught.value.violations[0].field == "attributes.price"

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from firstlight.client import attributes_of
from firstlight.client.values import duration, pack, pack_all, timestamp, unpack
from firstlight.errors import InvalidInputError
from firstlight.v1.attribute_pb2 import AttributeValue
from firstlight.v1.item_pb2 import Item

VALUES = st.one_of(
    st.text(st.characters(codec="utf-8")),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.lists(st.text(st.characters(codec="utf-8"))).map(tuple),
    st.lists(st.floats(width=32, allow_nan=False), min_size=1).map(tuple),
    st.datetimes(timezones=st.just(UTC)),
)


@settings(deadline=None)
@given(VALUES)
def test_values_come_back_with_their_type(value: object) -> None:
    back = unpack(pack(value))
    assert back == value
    assert type(back) is type(value)


def test_numpy_values_are_numbers() -> None:
    assert pack(np.int64(3)) == AttributeValue(int64_value=3)
    assert pack(np.float32(0.5)) == AttributeValue(double_value=0.5)
    assert unpack(pack(np.array([1, 2], np.float32))) == (1.0, 2.0)


def test_times() -> None:
    naive = datetime(2024, 5, 1, 12)
    assert timestamp(naive) == timestamp(naive.replace(tzinfo=UTC))
    assert timestamp(naive.replace(tzinfo=timezone(timedelta(hours=2)))).seconds == timestamp(naive).seconds - 7200
    assert timestamp(1.5).ToMicroseconds() == 1_500_000
    assert duration(0.25).ToMilliseconds() == 250


@pytest.mark.parametrize("value", [b"bytes", {"a": 1}, object(), ["a", 1], 2**63])
def test_what_no_attribute_can_be(value: object) -> None:
    with pytest.raises(InvalidInputError, match="attribute 'x'") as caught:
        pack_all({"x": value})
    assert [v.field for v in caught.value.violations] == ["attributes.x"]


def test_none_is_left_out_and_nothing_set_is_none() -> None:
    assert pack_all({"a": None, "b": math.pi}) == {"b": AttributeValue(double_value=math.pi)}
    assert unpack(AttributeValue()) is None
    assert attributes_of(Item(item_id="i", attributes=pack_all({"t": ("x",)}))) == {"t": ("x",)}

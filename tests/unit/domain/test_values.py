from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from firstlight.domain import Attribute, Kind
from firstlight.domain.values import conflicts, convert, is_number, parse_time, time_us
from firstlight.errors import InvalidInputError

DAY = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("25", Kind.NUMERIC, 25.0),
        (" 2.5e1 ", Kind.NUMERIC, 25.0),
        (True, Kind.NUMERIC, 1.0),
        (7, Kind.CATEGORICAL, "7"),
        (7.0, Kind.CATEGORICAL, "7"),
        (1234567.0, Kind.ID, "1234567"),
        (0.5, Kind.CATEGORICAL, "0.5"),
        (True, Kind.CATEGORICAL, "true"),
        ("A| B||C", Kind.MULTI, ("A", "B", "C")),
        (("A", "", "B"), Kind.MULTI, ("A", "B")),
        (("x",), Kind.MULTI, ("x",)),
        (5, Kind.MULTI, ("5",)),
        ("2024-05-01", Kind.TIMESTAMP, DAY),
        ("20240501", Kind.TIMESTAMP, DAY),
        (1714521600, Kind.TIMESTAMP, DAY),
        ("1714521600000", Kind.TIMESTAMP, DAY),
        ("2024-05-01T02:00:00+02:00", Kind.TIMESTAMP, DAY),
        ("1995", Kind.TIMESTAMP, datetime(1995, 1, 1, tzinfo=UTC)),
        ("[1, 2.5]", Kind.EMBEDDING, (1.0, 2.5)),
        ("1 2.5", Kind.EMBEDDING, (1.0, 2.5)),
        ((1, 2), Kind.EMBEDDING, (1.0, 2.0)),
        ("as is", Kind.IGNORE, "as is"),
        (None, Kind.NUMERIC, None),
        ("", Kind.TEXT, None),
    ],
)
def test_values_become_what_their_kind_wants(value, kind, expected):
    found = convert(value, Attribute("x", kind, separator="|" if kind is Kind.MULTI else None))
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("many", Kind.NUMERIC),
        ("nan", Kind.NUMERIC),
        (float("inf"), Kind.NUMERIC),
        (("a",), Kind.NUMERIC),
        (("a", "b"), Kind.CATEGORICAL),
        ("yesterday", Kind.TIMESTAMP),
        (1e30, Kind.TIMESTAMP),
        (True, Kind.TIMESTAMP),
        ("1,x", Kind.EMBEDDING),
        (3, Kind.EMBEDDING),
        ((1.0, float("nan")), Kind.EMBEDDING),
    ],
)
def test_values_that_cannot_be_of_a_kind_are_refused_by_name(value, kind):
    with pytest.raises(InvalidInputError, match="'price'") as caught:
        convert(value, Attribute("price", kind))
    assert caught.value.violations[0].field == "price"


def test_an_embedding_of_another_size_is_refused():
    with pytest.raises(InvalidInputError):
        convert((1.0, 2.0), Attribute("vector", Kind.EMBEDDING, size=3))


def test_conflicts_names_each_bad_attribute_and_no_unknown_one():
    declared = [Attribute("a", Kind.NUMERIC), Attribute("b", Kind.TIMESTAMP), Attribute("c", Kind.NUMERIC)]
    found = conflicts({"a": "x", "b": "y", "c": 1, "unknown": object()}, declared)
    assert [violation.field for violation in found] == ["a", "b"]


@pytest.mark.parametrize("text", ["0", "-1", "+1.5", ".5", "1e3", "0.7", " 3 "])
def test_numbers(text):
    assert is_number(text)


@pytest.mark.parametrize("text", ["", "007", "-01", "1_000", "nan", "inf", "1e999", "0x1", "1,5", "٣x"])
def test_codes_and_words_are_no_numbers(text):
    assert not is_number(text)


def test_the_unit_of_a_number_of_time_comes_from_its_size():
    times = {parse_time(1714521600 * scale) for scale in (1, 1000, 1_000_000, 1_000_000_000)}
    assert times == {DAY}


def test_time_us_is_exact():
    time = datetime(2024, 5, 1, 2, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    assert time_us(time) == 1714521600_123456
    assert time_us(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == -1

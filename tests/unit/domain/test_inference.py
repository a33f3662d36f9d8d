from __future__ import annotations

from datetime import UTC, datetime

import pytest

from firstlight.domain import Attribute, Kind
from firstlight.domain.inference import infer_attribute, infer_positive_value

TITLES = ["Toy Story", "Postman, The", "Usual Suspects, The", "Babe", "Dead Man Walking", "Seven", "Mr. Holland's Opus"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2.5, 3], Attribute("x", Kind.NUMERIC)),
        (["1", "2.5", "-3"], Attribute("x", Kind.NUMERIC)),
        (["02139", "90210"], Attribute("x", Kind.CATEGORICAL)),
        (["85711", "T8H1N"] * 3, Attribute("x", Kind.CATEGORICAL)),
        ([True, False], Attribute("x", Kind.CATEGORICAL)),
        (["M", "F", "F", "M"], Attribute("x", Kind.CATEGORICAL)),
        (["Action|Drama", "Drama", "Comedy|Action", "Drama|Comedy"], Attribute("x", Kind.MULTI, "|")),
        (["red; blue", "blue; red", "green; red", "green; blue"], Attribute("x", Kind.MULTI, ";")),
        (["a,b", "b,a", "a", "b"], Attribute("x", Kind.MULTI, ",")),
        ([("a", "b"), ("c",)], Attribute("x", Kind.MULTI)),
        ([(1.0, 2.0), (3.0, 4.0)], Attribute("x", Kind.EMBEDDING, size=2)),
        ([(1.0, 2.0), (3.0,)], Attribute("x", Kind.MULTI)),
        (["[0.1, -2, 3e-1, 4]", "[1, 2, 3, 4]"], Attribute("x", Kind.EMBEDDING, size=4)),
        (["0.1 -2 3 4 5", "1 2 3 4 5"], Attribute("x", Kind.EMBEDDING, size=5)),
        (TITLES, Attribute("x", Kind.TEXT)),
        (["A long tale of a man, his dog, and rain", "Another tale, told again, of a dog"], Attribute("x", Kind.TEXT)),
        (["2024-05-01", "1995-12-31"], Attribute("x", Kind.TIMESTAMP)),
        (["2024-05-01T10:00:00Z", "2024-05-01 11:00"], Attribute("x", Kind.TIMESTAMP)),
        (["2024-13-01", "2024-05-01"], Attribute("x", Kind.CATEGORICAL)),
        ([datetime(2024, 1, 1, tzinfo=UTC)], Attribute("x", Kind.TIMESTAMP)),
        ([f"sku{n}" for n in range(30)], Attribute("x", Kind.ID)),
        ([f"sku{n}" for n in range(5)], Attribute("x", Kind.CATEGORICAL)),
        (["1", 2, True], Attribute("x", Kind.CATEGORICAL)),
    ],
)
def test_kinds(values, expected):
    assert infer_attribute("x", values) == expected


@pytest.mark.parametrize("values", [list(range(50)), [str(n) for n in range(50)]])
def test_rarely_repeating_numbers_in_an_id_column_are_ids(values):
    assert [infer_attribute(name, values).kind for name in ("imdb_id", "movieId", "id", "idea", "year")] == [
        Kind.ID, Kind.ID, Kind.ID, Kind.NUMERIC, Kind.NUMERIC,
    ]  # fmt: skip
    assert infer_attribute("shop_id", values[:3] * 20).kind is Kind.NUMERIC


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        ([1, 2, 3, 4, 5], 4.0),
        ([0.5, 1, 4.5], 4.0),
        ([1, 5, 10], 7.0),
        ([0, 8.5, 3], 7.0),
        ([0, 1, 0], 1.0),
        ([1, 1], 1.0),
        ([-1, 1, -1], 1.0),
        ([1, 5], 5.0),
        ([3, 20, 100, 7, 9], 9.0),
        ([-2, 0, 3], 0.0),
    ],
)
def test_positive_values(values, positive):
    found, reason = infer_positive_value([float(value) for value in values])
    assert found == positive
    assert reason

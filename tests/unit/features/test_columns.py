from datetime import UTC, datetime

import numpy as np

from firstlight.features.columns import Bands, OneHot, Standard, frequent


def test_bands_hold_their_values_and_say_so() -> None:
    ages = [float(n) for n in range(20, 60)]
    bands = Bands.fit("age", ages, 4)
    assert bands is not None
    assert bands.names == ("age=≤29", "age=30–39", "age=40–49", "age=≥50")
    assert bands.encode([20.0, 29.0, 30.0, 49.0, 90.0, None]).argmax(axis=1).tolist()[:5] == [0, 0, 1, 2, 3]
    assert bands.encode([None]).sum() == 0
    assert (bands.encode(ages).sum(axis=0) == 10).all()


def test_few_numbers_get_a_band_each() -> None:
    bands = Bands.fit("stars", [1.0, 2.0, 3.0, 2.0], 5)
    assert bands is not None
    assert bands.names == ("stars=≤1", "stars=2", "stars=≥3")


def test_fractions_name_half_open_bands() -> None:
    bands = Bands.fit("price", [0.5, 1.5, 2.5, 3.5], 2)
    assert bands is not None
    assert bands.names == ("price=<2.5", "price=≥2.5")


def test_a_constant_number_says_nothing() -> None:
    assert Bands.fit("age", [3.0, 3.0, None], 4) is None
    assert Standard.fit("age", [3.0, 3.0, None]) is None
    assert Bands.fit("age", [], 4) is None


def test_one_hot_of_multi_valued_and_unknown() -> None:
    block = OneHot("genre", ("a", "b"))
    assert block.names == ("genre=a", "genre=b")
    assert block.encode([("b", "a"), "b", ("c",), None]).tolist() == [[1, 1], [0, 1], [0, 0], [0, 0]]


def test_frequent_counts_holders_not_repeats() -> None:
    assert {t: n for n, t in frequent([("a", "a"), ("a", "b"), "b", None], 2)} == {"a": 2, "b": 2}
    assert list(frequent([("a", "a"), None], 2)) == []


def test_standard_is_centred_cut_and_zero_for_nothing() -> None:
    block = Standard.fit("x", [0.0, 2.0])
    assert block is not None
    assert block.encode([0.0, 2.0, 1e9, None])[:, 0].tolist() == [-1, 1, 3, 0]


def test_times_are_years() -> None:
    times = [datetime(year, 7, 1, tzinfo=UTC) for year in (1990, 2000, 2010)]
    block = Standard.fit("t", times)
    assert block is not None
    np.testing.assert_allclose(block.mean, 2000.5, atol=0.1)

from __future__ import annotations

import polars as pl
import pytest

from firstlight.datasets.interactions import REQUIRED, clean_interactions
from firstlight.datasets.reading import read_table
from firstlight.domain import Interaction
from firstlight.errors import InvalidInputError

SECOND = 1714521600
US = SECOND * 1_000_000


def clean(path, **options):
    return clean_interactions(read_table(path, REQUIRED), **options)


def test_all_columns_are_read(write):
    path = write(
        "x.csv", f"user_id,item_id,rating,type,timestamp,id,device\nu,1,4.5,click,{SECOND},x,phone\nu,2,,,,,\n"
    )
    found = clean(path)
    assert list(found.interactions()) == [
        Interaction("u", "1", 4.5, "click", US, "x"),
        Interaction("u", "2", None, "", None, ""),
    ]
    assert (found.ignored, found.rejects, found.duplicates) == (("device",), (), 0)


def test_only_ids_are_needed(write):
    assert list(clean(write("x.csv", "item_id,user_id\n1,u\n")).interactions()) == [Interaction("u", "1")]


@pytest.mark.parametrize(
    "time",
    [
        SECOND, SECOND * 1000, US, US * 1000, f"{SECOND}.0", "2024-05-01", "20240501", "2024-05-01T02:00:00+02:00",
        "2024-05-01 00:00:00",
    ],
)  # fmt: skip
def test_times(write, time):
    found = clean(write("x.csv", f"user_id,item_id,timestamp\nu,1,{time}\n"))
    assert found.frame["time_us"].to_list() == [US]


def test_one_unit_for_a_whole_file(write):
    text = f"user_id,item_id,timestamp\nu,1,{SECOND * 1000}\nu,2,1000\n"
    assert clean(write("x.csv", text)).frame["time_us"].to_list() == [US, 1_000_000]
    found = clean(write("x.csv", text), time_unit_us=1.0)
    assert found.frame["time_us"].to_list() == [SECOND * 1000, 1000]


def test_bad_rows_are_left_out_with_the_first_reason(write):
    rows = {
        ",1,5,1": "user_id must be",
        "u,,5,1": "item_id must be",
        f"{'x' * 257},1,5,1": "user_id must be",
        "u,a\x85b,5,1": "item_id must be",
        "u,1,five,1": "rating is not a number",
        "u,1,NaN,1": "rating is not finite",
        "u,1,-inf,1": "rating is not finite",
        "u,1,5,soon": "timestamp is not a time",
        "u,1,5,9e30": "timestamp is not a time",
    }
    text = "\n".join(["user_id,item_id,rating,timestamp", *rows, "u,1,5,1", "u,2,5,1", "u,3,1,7"])
    found = clean(write("x.csv", text), time_unit_us=1e6)
    assert [one.reason.startswith(reason) for one, reason in zip(found.rejects, rows.values(), strict=True)] == [
        True
    ] * 9
    assert [one.line for one in found.rejects] == list(range(2, 11))
    assert found.rejects[4].row == {"user_id": "u", "item_id": "1", "rating": "five", "timestamp": "1"}
    assert found.frame.height == 3
    assert found.not_finite == 2


def test_the_last_row_of_an_identity_counts(write):
    text = "user_id,item_id,rating,timestamp\nu,1,1,5\nu,1,2,5\nu,1,3,6\nu,2,1,\nu,2,2,\n"
    found = clean(write("x.csv", text))
    assert found.frame["value"].to_list() == [2, 3, 2]
    assert found.duplicates == 2


def test_given_ids_are_the_identity(write):
    text = "user_id,item_id,rating,interaction_id\nu,1,1,a\nv,2,2,a\nu,1,3,b\nu,1,4,\n"
    found = clean(write("x.csv", text))
    assert found.frame.select("user_id", "value").rows() == [("v", 2), ("u", 3), ("u", 4)]


def test_typed_columns(tmp_path):
    path = tmp_path / "x.parquet"
    frame = pl.DataFrame({"user_id": [1, 2, 3], "item_id": [1.0, 2.0, None], "value": [1.0, float("nan"), 2.0]})
    frame.with_columns(timestamp=pl.datetime(2024, 5, 1, time_zone="UTC")).write_parquet(path)
    found = clean(path)
    assert list(found.interactions()) == [Interaction("1", "1", 1.0, "", US)]
    assert [one.line for one in found.rejects] == [2, 3]


def test_ids_stored_as_floats(tmp_path):
    path = tmp_path / "x.parquet"
    holes = [float("nan"), float("inf"), None, 1e300]
    pl.DataFrame({"user_id": [7.0, *holes], "item_id": [1.5, 1, 1, 1, 1]}).write_parquet(path)
    found = clean(path)
    assert list(found.interactions()) == [Interaction("7", "1.5")]
    assert [one.line for one in found.rejects] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("user_id,item_id,rating,value", "both a column 'rating'"),
        ("user_id,item_id,id,interaction_id", "both a column"),
    ],
)
def test_a_pair_of_columns_for_one_thing(write, header, complaint):
    with pytest.raises(InvalidInputError, match=complaint):
        clean(write("x.csv", f"{header}\n1,2,3,4\n"))


@pytest.mark.parametrize("column", ["user_id", "value", "timestamp"])
def test_columns_of_a_useless_type(tmp_path, column):
    path = tmp_path / "x.parquet"
    frame = pl.DataFrame({"user_id": ["u"], "item_id": ["1"], "value": [1.0], "timestamp": [1]})
    frame.with_columns(pl.Series(column, [["a", "b"]])).write_parquet(path)
    with pytest.raises(InvalidInputError, match=f"column '{column}' holds"):
        clean(path)

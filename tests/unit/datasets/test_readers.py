"""Readers of plugins: whose file it is, what its columns become, and what a bad one costs."""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest
from pydantic import BaseModel

from firstlight.datasets import Readers, is_built_in
from firstlight.datasets.reading import read_table
from firstlight.errors import InvalidInputError, PluginError, Reason


class Options(BaseModel):
    skip: int = 0


class Pairs:
    """Lines ``key:value`` as the columns item_id and colour."""

    suffixes = (".pairs",)

    def read(self, path):
        rows = [line.split(":") for line in path.read_text("utf-8").split()]
        return {"item_id": [row[0] for row in rows], "colour": [row[1] for row in rows]}


def answering(columns, *suffixes):
    """A factory of readers that answer ``columns``, whatever the file holds."""

    class Answers:
        def read(self, path):
            return columns() if callable(columns) else columns

    Answers.suffixes = suffixes or (".x",)
    return Answers


def readers_of(stranger, settings=None, *, strict=False, **factories):
    return Readers.of(stranger("dataset_reader", factories, strict=strict), settings or {})


@pytest.fixture
def read(stranger, write):
    """The table of one file whose reader answers ``columns``."""

    def reading(columns, required=("item_id",)):
        return read_table(write("f.x", "?"), required, readers_of(stranger, mine=answering(columns)))

    return reading


def test_a_reader_takes_files_with_its_ending(stranger, write):
    readers = readers_of(stranger, pairs=Pairs)
    table = read_table(write("THINGS.Pairs", "a:red\nb:blue\n"), ["item_id"], readers)
    assert table.frame.to_dict(as_series=False) == {"item_id": ["a", "b"], "colour": ["red", "blue"]}
    assert list(table.lines) == [1, 2]
    assert read_table(write("x.csv", "item_id\n1\n"), ["item_id"], readers).frame["item_id"].to_list() == ["1"]


def test_the_longest_ending_counts(stranger, tmp_path):
    readers = readers_of(stranger, a=answering({}, ".gz"), b=answering({}, ".log.gz", ".zst"))
    assert readers.find(tmp_path / "x.log.gz")[0] == "b"
    assert readers.find(tmp_path / "x.json.zst")[0] == "b"
    assert readers.find(tmp_path / "x.gz")[0] == "a"
    assert readers.find(tmp_path / "log.lz") is None


def test_which_endings_are_built_in(tmp_path):
    assert all(is_built_in(tmp_path / name) for name in ("a.csv", "a.TSV", "a.parquet", "a.jsonl", "a.txt"))
    assert not any(is_built_in(tmp_path / name) for name in ("a.avro", "csv", "a.csv.gz", "u.data"))


@pytest.mark.parametrize(
    ("suffixes", "why"),
    [
        ((".csv",), "are read without plugins"),
        ((".my.parquet",), "are read without plugins"),
        ((), "reads no ending"),
        (".avro", "must be a tuple"),
        (("avro",), "is no ending"),
        ((".Avro",), "is no ending"),
        ((".taken", ".other"), "are read by 'first'"),
        ((7,), "is no ending"),
    ],
)
def test_endings_that_cannot_be_had(stranger, suffixes, why, caplog):
    second = answering({})
    second.suffixes = suffixes
    readers = readers_of(stranger, first=answering({}, ".taken"), second=second, third=answering({}, ".avro"))
    assert list(readers.by_suffix) == [".taken", ".avro"]
    assert why in readers.failed["second"]
    assert "dataset reader second cannot be used" in caplog.text
    with pytest.raises(PluginError, match="second"):
        readers_of(stranger, strict=True, first=answering({}, ".taken"), second=second)


def test_a_file_whose_reader_cannot_be_used_says_so(stranger, write):
    readers = readers_of(stranger, broken=lambda: 1 / 0)
    for text in ("\0", "no header\nof mine\n"):
        with pytest.raises(InvalidInputError, match="reader 'broken' cannot be used: ZeroDivisionError") as caught:
            read_table(write("x.avro", text), ["item_id"], readers)
        assert caught.value.reason is Reason.INPUT_FILE_INVALID
    with pytest.raises(InvalidInputError) as caught:
        read_table(write("x.csv", "a\n1\n"), ["item_id"], readers)
    assert "broken" not in str(caught.value)
    with pytest.raises(InvalidInputError, match=r"taken for delimited text, as no loaded plugin reads \.avro files"):
        read_table(write("x.avro", "\0"), ["item_id"])


def test_a_wrong_setting_names_the_nearest(stranger):
    plugins = stranger("dataset_reader", {"mine": lambda config: Pairs()}, config=Options)
    with pytest.raises(InvalidInputError, match="did you mean 'skip'"):
        Readers.of(plugins, {"mine": {"skp": 1}})


def test_values_keep_their_types(read):
    noon = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    frame = read(
        {
            "item_id": ["a", "b"],
            "year": np.array([1995, 2001]),
            "price": (Decimal("1.5"), None),
            "new": [True, False],
            "tags": [["x", None, "y"], ()],
            "vector": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32),
            "at": [noon, datetime(2024, 5, 1)],
            "day": [date(2024, 5, 1), np.datetime64("2024-05-02T00:00:00.5", "ns")],
            "mixed": [1, noon],
            "nothing": ["", None],
            "empty": [None, np.datetime64("NaT")],
            " size ": [1, 2.5],
        }
    ).frame
    assert frame.row(0, named=True) == {
        "item_id": "a",
        "year": 1995,
        "price": 1.5,
        "new": True,
        "tags": ["x", "y"],
        "vector": [1.0, 2.0],
        "at": datetime(2024, 5, 1, 10),
        "day": datetime(2024, 5, 1),
        "mixed": "1",
        "nothing": None,
        "empty": None,
        "size": 1.0,
    }
    assert frame.row(1, named=True)["day"] == datetime(2024, 5, 2, microsecond=500_000)
    assert frame.row(1, named=True)["tags"] == []
    assert frame.row(1, named=True)["mixed"] == "2024-05-01T10:00:00"


def test_ids_that_are_none_are_left_out_with_their_row(read):
    table = read({"item_id": ["a", True, ["b"], 4], "user_id": [1, 2, 3, datetime(2024, 1, 1)]}, ["user_id", "item_id"])
    assert table.frame["item_id"].to_list() == ["a"]
    assert [(one.line, one.reason.split()[0]) for one in table.rejects] == [
        (2, "item_id"),
        (3, "item_id"),
        (4, "user_id"),
    ]
    assert table.rejects[0].row == {"item_id": True, "user_id": 2}


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda: open("/nowhere/at/all"), "FileNotFoundError"),  # noqa: PTH123, SIM115
        (lambda: sys.exit(3), "SystemExit: 3"),
        ([["a"]], "answered list, not a mapping"),
        (None, "answered NoneType"),
        ({"item_id": ["a"], "x": []}, "different lengths"),
        ({"item_id": "abc"}, "column 'item_id' is str, not a sequence"),
        ({"item_id": 7}, "column 'item_id' is int"),
        ({3: ["a"]}, "3 is no column name"),
        ({"a": [1], "a ": [1]}, "two columns 'a'"),
        ({"item_id": [b"a"]}, "column 'item_id', row 1: bytes is no value"),
        ({"item_id": ["a"], "x": [{"y": 1}]}, "column 'x', row 1: dict is no value"),
        ({"item_id": ["a"], "x": [[1, "b"]]}, "only str, or only numbers"),
    ],
)
def test_a_failing_reader_is_named_with_the_file(read, columns, why):
    with pytest.raises(InvalidInputError, match=r"f\.x: dataset reader 'mine' failed: ") as caught:
        read(columns)
    assert why in str(caught.value)
    assert caught.value.reason is Reason.INPUT_FILE_INVALID


@pytest.mark.parametrize(
    ("columns", "why"),
    [({}, "has no usable rows"), ({"a": [1]}, "has no column 'item_id'; its columns: a"), ({"item_id": [True]}, "row")],
)
def test_tables_without_what_is_needed(read, columns, why):
    with pytest.raises(InvalidInputError, match=why):
        read(columns)


def test_a_file_that_is_not_there(stranger, tmp_path):
    with pytest.raises(InvalidInputError, match="no such file"):
        read_table(tmp_path / "none.pairs", ["item_id"], readers_of(stranger, pairs=Pairs))


def test_an_import_reads_through_a_reader_and_a_failing_one_writes_nothing(stranger, write, load, store):
    readers = readers_of(
        stranger,
        clicks=answering({"user_id": ["u", "v"], "item_id": ["a", "b"], "timestamp": [datetime(2024, 1, 1)] * 2}, ".k"),
        pairs=Pairs,
        bad=answering(lambda: 1 / 0, ".bad"),
    )
    pairs, clicks = write("items.pairs", "a:red\nb:blue"), write("c.k", "")
    with pytest.raises(InvalidInputError, match="'bad' failed"):
        load(interactions=clicks, items=pairs, users=write("u.bad", ""), readers=readers)
    assert store.catalog_schema("default") is None
    report = load(interactions=clicks, items=pairs, readers=readers)
    assert report.interactions_written == 2
    assert store.get_items("default", ["a"])["a"].attributes == {"colour": "red"}
    assert load(interactions=clicks, readers=readers).interactions_unchanged == 2
    assert report.schema.has_times

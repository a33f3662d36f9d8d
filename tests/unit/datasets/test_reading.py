from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from firstlight.datasets.reading import read_table
from firstlight.errors import InvalidInputError, Reason


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiters_are_found_by_the_header(write, delimiter):
    path = write("x.csv", delimiter.join(["item_id", "a;b|c" if delimiter == "," else "a,b"]) + f"\n1{delimiter}x\n")
    frame = read_table(path, ["item_id"]).frame
    assert (frame["item_id"].to_list(), frame.width) == (["1"], 2)


def test_csv_fields(write):
    path = write("x.csv", '\ufeffitem_id, title\n1,"Postman, The"\n\n2,"two\nlines"\n 3 , "say ""hi"""\n4,\n')
    table = read_table(path, ["item_id"])
    assert table.frame["item_id"].to_list() == ["1", "2", "3", "4"]
    assert table.frame["title"].to_list() == ["Postman, The", "two\nlines", 'say "hi"', None]
    assert list(table.lines) == [2, 5, 6, 7]


def test_rows_of_another_length_are_left_out_with_their_line(write):
    table = read_table(write("x.csv", "user_id,item_id\n1,2\n1\n1,2,3\n4,5\n"), ["user_id"])
    assert table.frame["user_id"].to_list() == ["1", "4"]
    assert [(one.line, one.reason) for one in table.rejects] == [
        (3, "has 1 fields, the header 2"),
        (4, "has 3 fields, the header 2"),
    ]


def test_columns_without_a_name_are_left_out(write):
    table = read_table(write("x.csv", ",item_id\n0,a\n1,b\n"), ["item_id"])
    assert (table.frame.columns, table.left_out) == (["item_id"], ("column 1 (has no name)",))


def test_json_lines_keep_their_types(write):
    path = write(
        "x.jsonl",
        '{"item_id": 1, "year": 1995, "tags": ["a", "b"], "vector": [1, 2.5], "new": true, "mixed": 1}\n'
        '{"item_id": "x", "score": 2.5, "year": null, "mixed": "one"}\n\n[1]\nnonsense\n',
    )
    table = read_table(path, ["item_id"])
    assert table.frame.to_dicts()[0] == {
        "item_id": "1",
        "year": 1995,
        "tags": ["a", "b"],
        "vector": [1.0, 2.5],
        "new": True,
        "mixed": "1",
        "score": None,
    }
    assert [(one.line, one.row) for one in table.rejects] == [(4, "[1]"), (5, "nonsense")]


def test_ids_of_the_wrong_type_in_json_lines_are_left_out(write):
    path = write(
        "x.jsonl", '{"item_id": 1}\n{"item_id": [1]}\n{"item_id": true}\n{"item_id": {"a": 1}}\n{"item_id": "b"}\n'
    )
    table = read_table(path, ["item_id"])
    assert table.frame["item_id"].to_list() == ["1", "b"]
    assert {(one.line, one.reason) for one in table.rejects} == {
        (line, "item_id must be text or a whole number") for line in (2, 3, 4)
    }


def test_parquet_keeps_its_types(tmp_path):
    path = tmp_path / "x.parquet"
    pl.DataFrame(
        {
            "item_id": [1, 2],
            "title": ["a", ""],
            "day": [datetime(2024, 5, 1, 2, tzinfo=ZoneInfo("Europe/Berlin")), None],
            "kind": pl.Series(["x", "y"], dtype=pl.Categorical),
            "vector": pl.Series([[1.0, 2.0], [3.0, 4.0]], dtype=pl.Array(pl.Float32, 2)),
            "raw": [b"a", b"b"],
        }
    ).write_parquet(path)
    table = read_table(path, ["item_id"])
    assert table.frame.to_dicts()[0] == {
        "item_id": 1,
        "title": "a",
        "day": datetime(2024, 5, 1),
        "kind": "x",
        "vector": [1.0, 2.0],
    }
    assert table.frame["title"].to_list() == ["a", None]
    assert table.left_out == ("raw (type Binary)",)
    assert list(table.lines) == [1, 2]


def broken_parquet(path):
    pl.DataFrame({"item_id": list(range(1000))}).write_parquet(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : -8] = b"\xff" * (len(content) - 8 - len(content) // 2)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("x.csv", b"", "empty"),
        ("x.csv", b"\n\n", "empty"),
        ("x.csv", b"item_id,title\n", "no usable rows"),
        ("x.csv", b"id,title\n1,x\n", "no column 'item_id'; its columns: id, title"),
        ("x.csv", b"item_id title\n1 x\n", "no column 'item_id'; its columns: item_id title"),
        ("x.csv", b"item_id,a,a\n1,2,3\n", "two columns of the same name"),
        ("x.csv", b"item_id,a\n1\n2\n", "no usable rows; line 2: has 1 fields"),
        ("x.csv", b"\x89PNG\r\n\x1a\n\0\0", "binary"),
        ("x.csv", b"item_id,title\n1,caf\xe9\n", "not UTF-8"),
        ("x.csv", "item_id,title\n1,x\n".encode("utf-16"), "binary"),
        ("x.jsonl", b"item_id,title\n1,x\n", "line 1: is not a JSON object"),
        ("x.jsonl", b'{"title": "x"}\n', "no column 'item_id'"),
        ("x.parquet", b"item_id,title\n1,x\n", "not a readable Parquet file"),
        ("x.parquet", b"", "not a readable Parquet file"),
        ("x.parquet", b"PAR1 and then nothing PAR1", "not a readable Parquet file"),
        ("x.parquet", broken_parquet, "not a readable Parquet file"),
        ("missing.csv", None, "no such file"),
        ("missing.parquet", None, "no such file"),
    ],
)
def test_files_that_cannot_be_used_get_one_clear_line(tmp_path, name, content, complaint):
    path = tmp_path / name
    if callable(content):
        content(path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInputError) as caught:
        read_table(path, ["item_id"])
    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.reason is Reason.INPUT_FILE_INVALID


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(InvalidInputError, match="is a directory"):
        read_table(tmp_path, ["item_id"])

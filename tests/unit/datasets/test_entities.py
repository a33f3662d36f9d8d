from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from firstlight.datasets.entities import clean_entities
from firstlight.datasets.reading import read_table
from firstlight.domain import Attribute, Kind

FILMS = """item_id,title,year,genres,released,code,nothing,price
1,Toy Story,1995,Animation|Comedy,1995-11-22,007,,1.5
2,Postman,1994,Comedy|Drama,1994-01-01,008,,nan
3,"Usual Suspects, The",1995,Drama,1995-09-15,009,,3
4,Dead Man Walking,,Drama|Comedy,1995-01-01,007,,4
"""


def clean(path, known=(), key="item_id"):
    return clean_entities(read_table(path, [key]), key, {attribute.name: attribute for attribute in known})


def test_kinds_are_inferred_and_values_stored_as_such(write):
    found = clean(write("films.csv", FILMS))
    assert found.attributes == (
        Attribute("title", Kind.TEXT),
        Attribute("year", Kind.NUMERIC),
        Attribute("genres", Kind.MULTI, "|"),
        Attribute("released", Kind.TIMESTAMP),
        Attribute("code", Kind.CATEGORICAL),
        Attribute("price", Kind.NUMERIC),
    )
    assert found.rows["1"] == {
        "title": "Toy Story",
        "year": 1995,
        "genres": ("Animation", "Comedy"),
        "released": datetime(1995, 11, 22, tzinfo=UTC),
        "code": "007",
        "price": 1.5,
    }
    assert type(found.rows["1"]["year"]) is int
    assert "year" not in found.rows["4"]
    assert "price" not in found.rows["2"]
    assert (found.empty, found.not_finite, found.rejects) == (("nothing",), 1, ())


def test_a_conflict_with_a_known_kind_leaves_the_row_out(write):
    known = [Attribute("year", Kind.NUMERIC), Attribute("title", Kind.CATEGORICAL)]
    found = clean(write("x.csv", "item_id,title,year\n1,A,1995\n2,B,soon\n3,C,\n"), known)
    assert set(found.rows) == {"1", "3"}
    assert [(one.line, one.reason) for one in found.rejects] == [
        (3, "attribute 'year': 'soon' is not a valid numeric value")
    ]
    assert found.attributes == (known[1], known[0])


def test_a_declared_separator_or_size_may_be_left_to_the_values(write):
    known = [Attribute("tags", Kind.MULTI), Attribute("vector", Kind.EMBEDDING)]
    found = clean(write("x.csv", "item_id,tags,vector\n1,a;b,1 2\n2,c,3 4\n3,d,5\n"), known)
    assert found.attributes == (Attribute("tags", Kind.MULTI, ";"), Attribute("vector", Kind.EMBEDDING, size=2))
    assert found.rows["1"] == {"tags": ("a", "b"), "vector": (1.0, 2.0)}
    assert [one.line for one in found.rejects] == [4]


def test_bad_and_repeated_ids(write):
    found = clean(write("x.csv", f"user_id,age\nu,1\n,2\n{'x' * 257},3\nu,4\n"), key="user_id")
    assert found.rows == {"u": {"age": 4}}
    assert found.duplicates == 1
    assert [one.line for one in found.rejects] == [3, 4]


def test_typed_columns(tmp_path):
    path = tmp_path / "x.parquet"
    pl.DataFrame(
        {
            "item_id": ["a", "b"],
            "tags": [["x", None, "y"], []],
            "vector": [[1.0, 2.0], [3.0, float("nan")]],
            "new": [True, False],
            "price": [float("inf"), 2.5],
        }
    ).write_parquet(path)
    found = clean(path)
    assert found.rows == {"a": {"tags": ("x", "y"), "vector": (1.0, 2.0), "new": "true"}}
    assert [one.line for one in found.rejects] == [2]  # an embedding with a hole is no embedding
    assert found.not_finite == 1

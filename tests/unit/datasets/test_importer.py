from __future__ import annotations

import json

import pytest

from firstlight.domain import Attribute, Interaction, Item, Kind, User
from firstlight.errors import InvalidInputError, Reason

RATINGS = "user_id,item_id,rating,timestamp\nu,1,5,100\nv,1,2,200\nv,2,3,300\n"
ITEMS = "item_id,title,year\n1,Toy Story,1995\n2,Golden Eye,1995\n3,Four Rooms,1996\n"
USERS = "user_id,age\nu,20\nv,30\n"


@pytest.fixture
def files(write):
    return {
        "interactions": write("ratings.csv", RATINGS),
        "items": write("items.csv", ITEMS),
        "users": write("users.csv", USERS),
    }


def snapshot(store):
    users = store.list_users("default", limit=1000)
    return (
        users,
        store.list_items("default", limit=1000),
        [store.list_interactions("default", user.user_id) for user in users],
        store.catalog_schema("default"),
        store.last_token(),
    )


def test_everything_arrives(store, load, files):
    report = load(**files)
    assert store.get_items("default", ["3"]) == {"3": Item("3", {"title": "Four Rooms", "year": 1996})}
    assert store.get_users("default", ["u"]) == {"u": User("u", {"age": 20})}
    assert store.list_interactions("default", "v") == [
        Interaction("v", "1", 2.0, time_us=200_000_000),
        Interaction("v", "2", 3.0, time_us=300_000_000),
    ]
    schema = store.catalog_schema("default")
    assert schema == report.schema
    assert schema.items == (Attribute("title", Kind.TEXT), Attribute("year", Kind.NUMERIC))
    assert (schema.has_values, schema.has_times, schema.types, schema.positive_value) == (True, True, ("",), 4.0)
    assert (report.interactions_written, report.unknown_users, report.unknown_items, report.rejected) == (3, 0, 0, 0)
    assert report.reject_file is None


def test_importing_the_same_files_again_changes_nothing(store, load, files):
    load(**files)
    before = snapshot(store)
    report = load(**files)
    assert snapshot(store) == before
    assert (report.interactions_written, report.interactions_unchanged) == (0, 3)


def test_another_shape_without_times_and_with_string_ids(store, load, write):
    clicks = write("clicks.tsv", "item_id\tuser_id\ttype\nsku-1\tanna@x\tview\nsku-2\tanna@x\tbuy\n")
    report = load(interactions=clicks)
    assert report.schema.types == ("", "buy", "view")
    assert (report.schema.has_values, report.schema.has_times) == (False, False)
    assert (report.unknown_users, report.unknown_items) == (1, 2)
    assert store.load_dataset("default").item_ids == ("sku-1", "sku-2")


def test_without_a_time_the_later_value_replaces(store, load, write):
    load(interactions=write("a.csv", "user_id,item_id,value\nu,1,1\nu,2,0\n"))
    load(interactions=write("b.csv", "user_id,item_id,value\nu,1,0\n"))
    assert [one.value for one in store.list_interactions("default", "u")] == [0.0, 0.0]


def test_ids_that_only_interactions_name_are_made_and_counted(store, load, files, write):
    files["interactions"] = write("more.csv", RATINGS + "w,1,4,400\nu,9,4,500\n")
    report = load(**files)
    assert (report.unknown_users, report.unknown_items) == (1, 1)
    assert store.get_items("default", ["9"]) == {"9": Item("9")}
    assert load(**files).unknown_items == 0
    assert "only in interactions: 1 users, 1 items" in report.to_text()


def test_rows_left_out_are_in_the_reject_file_with_their_reason(store, load, files, write):
    files["interactions"] = write("bad.csv", RATINGS + "u,2,nan,1\nu\n,1,1,1\nu,2,x,1\n")
    files["users"] = write("users.csv", USERS + ",40\n")
    report = load(**files)
    rejects = [json.loads(line) for line in report.reject_file.read_text().splitlines()]
    assert len(rejects) == report.rejected == 5
    assert {(one["line"], one["reason"].split(" must")[0]) for one in rejects if one["file"].endswith("bad.csv")} == {
        (5, "rating is not finite"),
        (6, "has 1 fields, the header 4"),
        (7, "user_id"),
        (8, "rating is not a number"),
    }
    assert next(one["row"] for one in rejects if one["line"] == 8)["rating"] == "x"
    assert store.count_interactions("default") == 3
    assert report.interactions.rows == 7
    assert report.interactions.not_finite == 1
    text = report.to_text()
    assert "left out 1: rating is not finite" in text
    assert str(report.reject_file) in text
    assert json.dumps(report.to_json())


def test_strict_refuses_before_anything_is_written(store, load, files, write, tmp_path):
    files["interactions"] = write("bad.csv", RATINGS + "u,2,nan,1\n")
    with pytest.raises(
        InvalidInputError, match=r"1 rows cannot be used.*bad.csv line 5: rating is not finite"
    ) as caught:
        load(**files, strict=True)
    assert caught.value.reason is Reason.INPUT_FILE_INVALID
    assert caught.value.total == 1
    assert store.list_catalogs() == []
    assert not (tmp_path / "rejects").exists()
    files["interactions"] = write("good.csv", RATINGS + "u,1,4,100\n")  # a duplicate is no reason to refuse
    assert load(**files, strict=True).interactions.duplicates == 1


def test_a_file_that_cannot_be_used_leaves_everything_as_it_was(store, load, files, write):
    load(**files)
    before = snapshot(store)
    with pytest.raises(InvalidInputError):
        load(interactions=write("new.csv", "user_id,item_id\nnew,new\n"), items=write("bad.csv", "id\n1\n"))
    assert snapshot(store) == before


def test_a_schema_file_fixes_kinds_and_they_stay_fixed(store, load, files, write):
    schema = write("schema.toml", "[interactions]\npositive_value = 3\n[items]\nyear = 'categorical'\n")
    report = load(**files, schema=schema)
    assert report.schema.items[1] == Attribute("year", Kind.CATEGORICAL)
    assert store.get_items("default", ["1"])["1"].attributes["year"] == "1995"
    assert "at least 3 (from the schema file)" in report.to_text()
    again = load(**files)
    assert again.schema == report.schema
    assert store.load_dataset("default").schema == report.schema


def test_a_schema_file_that_names_no_column(load, files, write):
    with pytest.raises(InvalidInputError, match=r"'yaer', which is no column; did you mean 'year'\?"):
        load(**files, schema=write("schema.toml", "[items]\nyaer = 'numeric'\n"))
    # Attributes of a file that is not being imported may be declared all the same.
    load(interactions=files["interactions"], schema=write("schema.toml", "[items]\nyaer = 'numeric'\n"))


def test_a_declared_positive_value_waits_for_values(load, files, write):
    load(interactions=None, items=files["items"], schema=write("s.toml", "[interactions]\npositive_value = 2\n"))
    assert load(interactions=files["interactions"]).schema.positive_value == 2.0


def test_a_later_import_adds_to_the_schema_and_a_conflict_leaves_the_row_out(store, load, files, write):
    load(**files)
    report = load(interactions=None, items=write("more.csv", "item_id,year,genre\n4,2000,Drama\n5,unknown,Drama\n"))
    assert [attribute.name for attribute in report.schema.items] == ["title", "year", "genre"]
    assert report.items.reasons == {"attribute 'year': 'unknown' is not a valid numeric value": 1}
    assert store.get_items("default", ["4", "5"]) == {"4": Item("4", {"year": 2000, "genre": "Drama"})}
    assert report.schema.has_values
    assert report.schema.positive_value == 4.0


def test_progress_names_each_stage_and_ends_it(load, files):
    seen = []
    load(**files, progress=lambda stage, share: seen.append((stage, share)))
    assert [stage for stage, share in seen if share == 1.0] == [
        "reading users.csv", "reading items.csv", "reading ratings.csv",
        "writing users", "writing items", "writing interactions",
    ]  # fmt: skip

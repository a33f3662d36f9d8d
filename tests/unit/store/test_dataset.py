from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from firstlight.domain import Attribute, Interaction, Item, Kind, Schema, User
from firstlight.errors import PreconditionError, Reason


def test_arrays_hold_what_was_written(store):
    store.upsert_items("default", [Item("10", {"title": "Ten"}), Item("9"), Item("cold")])
    store.upsert_users("default", [User("quiet", {"age": 3})])
    store.write_interactions(
        "default",
        [Interaction("u", "9", 5.0, "", 20), Interaction("u", "10", 1.0, "", 10), Interaction("v", "10", 2.0, "", 5)],
    )
    data = store.load_dataset("default")
    assert data.item_ids == ("10", "9", "cold")  # strings, as not all are integers
    assert data.user_ids == ("quiet", "u", "v")
    assert [data.histories.of(row).tolist() for row in range(3)] == [[], [0, 1], [0]]
    assert data.histories.values.tolist() == [1.0, 5.0, 2.0]
    assert data.histories.times.tolist() == [10, 20, 5]
    assert data.item_attributes[0] == {"title": "Ten"}
    assert (data.schema.has_values, data.schema.has_times, data.schema.types) == (True, True, ("",))


def test_ids_that_are_all_integers_are_in_their_order(store):
    store.write_interactions("default", [Interaction(u, i) for u, i in (("10", "3"), ("9", "20"), ("1", "100"))])
    data = store.load_dataset("default")
    assert (data.user_ids, data.item_ids) == (("1", "9", "10"), ("3", "20", "100"))


def test_interactions_without_values_times_or_types(store):
    store.write_interactions("default", [Interaction("u", "1"), Interaction("u", "2", type="click")])
    data = store.load_dataset("default")
    assert np.isnan(data.histories.values).all()
    assert data.histories.times.tolist() == [0, 0]
    assert [data.schema.types[t] for t in data.histories.types] == ["", "click"]
    assert (data.schema.has_values, data.schema.has_times) == (False, False)


def test_deleted_items_take_their_interactions_along_until_they_return(store):
    store.write_interactions("default", [Interaction("u", "1"), Interaction("u", "2")])
    store.delete_items("default", ["1"])
    data = store.load_dataset("default")
    assert (data.item_ids, data.histories.items.tolist()) == (("2",), [0])
    store.upsert_items("default", [Item("1")])
    assert store.load_dataset("default").histories.items.tolist() == [0, 1]


def test_a_catalogue_that_was_never_imported_gets_a_schema(store):
    store.upsert_items("default", [Item(str(n), {"year": 1990 + n, "genres": ("A", "B")}) for n in range(5)])
    store.upsert_users("default", [User("u", {"joined": datetime(2024, 1, 1, tzinfo=UTC), "premium": True})])
    store.write_interactions("default", [Interaction("u", str(n), float(n % 2)) for n in range(5)])
    schema = store.load_dataset("default").schema
    assert {a.name: a.kind for a in (*schema.items, *schema.users)} == {
        "genres": Kind.MULTI,
        "year": Kind.NUMERIC,
        "joined": Kind.TIMESTAMP,
        "premium": Kind.CATEGORICAL,
    }
    assert schema.positive_value == 1.0
    assert store.catalog_schema("default") is None


def test_attributes_are_converted_and_what_cannot_be_is_left_out(store):
    schema = Schema(items=(Attribute("year", Kind.NUMERIC), Attribute("genres", Kind.MULTI, "|")), positive_value=3.0)
    store.set_catalog_schema("default", schema)
    store.upsert_items("default", [Item("1", {"year": "1995", "genres": "A|B"}), Item("2", {"year": "soon"})])
    store.write_interactions("default", [Interaction("u", "1")])
    data = store.load_dataset("default")
    assert data.item_attributes == ({"year": 1995.0, "genres": ("A", "B")}, {})
    assert data.schema.items == schema.items
    assert data.schema.positive_value == 3.0
    assert store.load_dataset("default", Schema()).schema.items[1] == Attribute("year", Kind.CATEGORICAL)


def test_a_settled_positive_value_stays(store):
    store.set_catalog_schema("default", Schema(has_values=True, positive_value=2.5))
    store.write_interactions("default", [Interaction("u", str(n), float(n)) for n in range(1, 6)])
    assert store.load_dataset("default").schema.positive_value == 2.5


def test_an_empty_catalogue_is_said_to_be_empty(store):
    with pytest.raises(PreconditionError, match="no items") as caught:
        store.load_dataset("default")
    assert caught.value.reason is Reason.EMPTY_CATALOG
    store.upsert_items("default", [Item("1")])
    with pytest.raises(PreconditionError, match="no interactions"):
        store.load_dataset("default")
    store.write_interactions("default", [Interaction("u", "2")])
    store.delete_items("default", ["2"])
    with pytest.raises(PreconditionError, match="no interactions"):
        store.load_dataset("default")


def test_order_does_not_depend_on_the_order_of_writing(store):
    rng = np.random.default_rng(0)
    rows = [
        Interaction(f"u{u}", str(i), float(v), t, int(s))
        for u, i, v, t, s in zip(
            rng.integers(5, size=300), rng.integers(20, size=300), rng.integers(5, size=300),
            rng.choice(["", "a"], size=300), rng.integers(3, size=300), strict=True,
        )
    ]  # fmt: skip
    rows = list({(r.user_id, r.item_id, r.type, r.time_us): r for r in rows}.values())
    store.write_interactions("one", rows)
    store.write_interactions("two", rows[::-1])
    one, two = store.load_dataset("one").histories, store.load_dataset("two").histories
    for name in ("offsets", "items", "values", "types", "times"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))

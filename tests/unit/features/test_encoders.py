from datetime import UTC, datetime

import numpy as np
import pytest

from firstlight.domain import Attribute, Dataset, Histories, Kind, Schema
from firstlight.errors import CorruptBundleError, InvalidInputError, PreconditionError
from firstlight.features import FeatureEncoders, training_data
from firstlight.testing import UNSEEN_ITEMS, tiny_dataset, tiny_training_data


def make(users=(), items=(), user_rows=(), item_rows=()) -> Dataset:
    return Dataset(
        Schema(users=tuple(users), items=tuple(items)),
        tuple(f"u{n}" for n in range(len(user_rows))),
        tuple(f"i{n}" for n in range(len(item_rows))),
        tuple(user_rows),
        tuple(item_rows),
        Histories.from_rows([list(range(len(item_rows))) for _ in user_rows]),
    )


def test_profiles_of_the_tiny_catalogue() -> None:
    encoders = FeatureEncoders.fit(tiny_dataset())
    assert encoders.profile_names[:2] == ("taste=calm", "taste=loud")
    assert set(encoders.profile_fields) == {"taste", "age"}
    assert len(encoders.profile_names) == len(encoders.profile_fields)
    rows = encoders.profiles([{"taste": "loud", "age": "18"}, {}, {"taste": "unheard of", "postcode": "1"}])
    assert rows[0, :2].tolist() == [0, 1]
    assert rows[0].sum() == 2
    assert rows[1:].sum() == 0
    assert rows.dtype == np.float32


def test_only_frequent_values_get_columns() -> None:
    rows = [{"zip": f"z{n // 4}", "job": f"j{n // 100}"} for n in range(1000)]
    attributes = [Attribute("zip", Kind.CATEGORICAL), Attribute("job", Kind.CATEGORICAL)]
    assert set(FeatureEncoders.fit(make(users=attributes, user_rows=rows)).profile_fields) == {"job"}


def test_columns_are_bounded() -> None:
    users = [{"a": tuple(f"v{m}" for m in range(400))} for _ in range(20)]
    items = [{"b": tuple(f"v{m}" for m in range(900)), "e": tuple(map(float, range(n, n + 300)))} for n in range(20)]
    dataset = make(
        users=[Attribute("a", Kind.MULTI)],
        items=[Attribute("b", Kind.MULTI), Attribute("e", Kind.EMBEDDING, size=300)],
        user_rows=users,
        item_rows=items,
    )
    encoders = FeatureEncoders.fit(dataset)
    assert encoders.profiles(users).shape == (20, 256)
    assert encoders.content(items).shape == (20, 512)


def test_no_attributes_at_all() -> None:
    data = training_data(make(user_rows=[{}], item_rows=[{}]), FeatureEncoders.fit(make()), validation=np.array([0]))
    assert data.profiles.shape == (1, 0)
    assert data.items.base_content.shape == (1, 0)


def test_values_nobody_interacted_with_teach_nothing() -> None:
    dataset = tiny_dataset()
    attributes = list(dataset.item_attributes)
    for position in UNSEEN_ITEMS:
        attributes[position] = {"genres": ("marker",), "title": "marker"}
    planted = Dataset(
        dataset.schema,
        dataset.user_ids,
        dataset.item_ids,
        dataset.user_attributes,
        tuple(attributes),
        dataset.histories,
    )
    assert not any("marker" in name for name in FeatureEncoders.fit(planted).content_names)


def test_save_and_load_round_trip(tmp_path) -> None:
    dataset = tiny_dataset()
    encoders = FeatureEncoders.fit(dataset, seed=3)
    encoders.save(tmp_path)
    loaded = FeatureEncoders.load(tmp_path)
    assert loaded.schema == dataset.schema
    assert (loaded.profile_names, loaded.content_names) == (encoders.profile_names, encoders.content_names)
    np.testing.assert_array_equal(loaded.profiles(dataset.user_attributes), encoders.profiles(dataset.user_attributes))
    np.testing.assert_array_equal(loaded.content(dataset.item_attributes), encoders.content(dataset.item_attributes))
    assert FeatureEncoders.required_text_model(tmp_path) == ""
    assert not [p for p in tmp_path.iterdir() if p.suffix not in {".json", ".npy"}]


def test_a_text_model_is_named_and_asked_for(tmp_path) -> None:
    def embed(texts):
        return np.array([[t.count("calm"), t.count("loud")] for t in texts], np.float32)

    encoders = FeatureEncoders.fit(tiny_dataset(), embed=embed, embed_key="minilm@ab12")
    encoders.save(tmp_path)
    assert FeatureEncoders.required_text_model(tmp_path) == "minilm@ab12"
    with pytest.raises(PreconditionError, match="minilm@ab12"):
        FeatureEncoders.load(tmp_path)
    loaded = FeatureEncoders.load(tmp_path, embed)
    rows = [{"title": "a calm work"}, {"title": "a loud work"}]
    np.testing.assert_array_equal(loaded.content(rows), encoders.content(rows))


@pytest.mark.parametrize("damage", ["missing", "json", "array"])
def test_damaged_files_are_named(tmp_path, damage) -> None:
    FeatureEncoders.fit(tiny_dataset()).save(tmp_path)
    if damage == "missing":
        (tmp_path / "encoders.json").unlink()
    elif damage == "json":
        (tmp_path / "encoders.json").write_text("{")
    else:
        next(tmp_path.glob("*directions.npy")).write_bytes(b"nonsense")
    with pytest.raises(CorruptBundleError):
        FeatureEncoders.load(tmp_path)


def test_unknown_attributes_are_named_and_ignored() -> None:
    encoders = FeatureEncoders.fit(tiny_dataset())
    assert encoders.unknown_profile({"taste": "calm", "shoe": 1, "hat": 2}) == ("hat", "shoe")
    assert encoders.unknown_content({"title": "x", "shoe": 1}) == ("shoe",)
    assert encoders.profiles([{"shoe": 1}]).sum() == 0


def test_a_conflict_of_kind_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="age"):
        FeatureEncoders.fit(tiny_dataset()).profiles([{"age": "old"}])


def test_times_and_numbers_come_as_bands_and_as_one_number() -> None:
    data = tiny_training_data()
    added = [n for n in data.content_names if n.startswith("added")]
    assert "added" in added
    assert len(added) > 4
    late = FeatureEncoders.fit(tiny_dataset()).content([{"added": datetime(2100, 1, 1, tzinfo=UTC)}])
    assert late[0, data.content_names.index("added")] == 3


def test_training_data_counts_items() -> None:
    data = tiny_training_data()
    assert data.items.base_counts[list(UNSEEN_ITEMS)].sum() == 0
    assert data.items.base_counts.sum() == 800
    assert not set(data.validation) & set(data.training)

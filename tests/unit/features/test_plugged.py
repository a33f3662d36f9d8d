"""Encoders of plugins: their columns, their place in a bundle, and what one that is absent or fails costs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from firstlight.domain import Attribute, Dataset, Histories, Kind, Schema
from firstlight.errors import CorruptBundleError, InvalidInputError, PluginError
from firstlight.features import FeatureEncoders, training_data
from firstlight.features.plugged import plain_rows
from firstlight.testing import UNSEEN_ITEMS, tiny_dataset


class Initials:
    """The first letter of an attribute."""

    def __init__(self, side="items", field="title"):
        self.side = side
        self.field = field
        self.letters = ()
        self.seen = []

    @property
    def names(self):
        return tuple(f"{self.field}^{letter}" for letter in self.letters)

    @property
    def fields(self):
        return (self.field,) * len(self.letters)

    def fit(self, schema, rows, *, seed):
        assert self.field in {attribute.name for attribute in schema}
        self.seen = rows
        self.letters = tuple(sorted({str(row[self.field])[0] for row in rows if self.field in row}))

    def encode(self, rows):
        first = [str(row.get(self.field, ""))[:1] for row in rows]
        return np.array([[letter == each for letter in self.letters] for each in first], np.float32).reshape(
            len(rows), len(self.letters)
        )

    def export(self, directory):
        (directory / "letters.json").write_text(json.dumps(self.letters))

    def load(self, directory):
        self.letters = tuple(json.loads((directory / "letters.json").read_text()))


class Odd(Initials):
    """Goes wrong in the way that is asked for."""

    def __init__(self, **wrong):
        super().__init__()
        for name, value in wrong.items():
            if name in ("names", "fields"):
                continue
            setattr(self, name, value)
        self.wrong = wrong

    names = property(lambda self: self.wrong.get("names", ("x=1",)))
    fields = property(lambda self: self.wrong.get("fields", ("x",)))


def fit(dataset=None, **encoders):
    return FeatureEncoders.fit(dataset or tiny_dataset(), plugged=encoders)


def make_from(**factories):
    return lambda name: factories[name]()


@pytest.fixture(scope="module")
def both():
    return fit(initials=Initials(), postcodes=Initials("users", "postcode"))


def test_columns_follow_the_built_in_ones(both):
    plain = FeatureEncoders.fit(tiny_dataset())
    width = len(plain.content_names)
    assert both.content_names == (*plain.content_names, "title^a")
    assert both.content_fields[-1] == "title"
    assert both.profile_names[-1] == "postcode^0"
    assert both.plugged == ("postcodes", "initials")
    rows = tiny_dataset().item_attributes
    np.testing.assert_array_equal(both.content(rows)[:, :width], plain.content(rows))
    assert both.content([{"title": "a film"}, {"title": "the film"}, {}])[:, -1].tolist() == [1, 0, 0]
    assert both.profiles([{"postcode": "01234"}, {}])[:, -1].tolist() == [1, 0]
    assert both.content([]).shape == (0, width + 1)
    data = training_data(tiny_dataset(), both, validation=np.array([0]))
    assert data.content_names[-1] == "title^a"
    assert data.profile_fields[-1] == "postcode"


def test_it_learns_from_what_a_fit_may_see():
    users, items = Initials("users", "taste"), Initials()
    dataset = tiny_dataset()
    fit(dataset, users=users, items=items)
    assert len(users.seen) == len(dataset.user_ids)
    titles = {row["title"] for row in items.seen}
    assert len(titles) == len(dataset.item_ids) - len(UNSEEN_ITEMS)
    assert not titles & {dataset.item_attributes[n]["title"] for n in UNSEEN_ITEMS}


def test_rows_hold_values_as_their_kind_wants_them():
    schema = [
        Attribute("age", Kind.NUMERIC),
        Attribute("tags", Kind.MULTI, "|"),
        Attribute("since", Kind.TIMESTAMP),
        Attribute("code", Kind.ID),
        Attribute("note", Kind.IGNORE),
        Attribute("job", Kind.CATEGORICAL),
    ]
    given = {"age": "25", "tags": "a|b", "since": "2024-05-01", "code": 7, "note": ["x"], "job": "", "shoe": 44}
    [row, empty] = plain_rows(schema, [given, {"age": None, "tags": ()}])
    assert dict(row) == {
        "age": 25.0,
        "tags": ("a", "b"),
        "since": datetime(2024, 5, 1, tzinfo=UTC),
        "code": 7,
        "note": ["x"],
    }
    assert dict(empty) == {}
    with pytest.raises(TypeError):
        row["age"] = 1
    with pytest.raises(InvalidInputError, match="age"):
        plain_rows(schema, [{"age": "old"}])


def test_only_columns_of_plugins_need_a_newer_bundle_format(both):
    assert both.format == 2
    assert FeatureEncoders.fit(tiny_dataset()).format == 1


def test_an_encoder_without_columns_is_left_out(tmp_path):
    encoders = fit(none=Odd(names=(), fields=(), fit=lambda schema, rows, seed: None))
    assert encoders.plugged == ()
    encoders.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"side": "both"}, "is for 'both', neither 'users' nor 'items'"),
        ({"fit": lambda schema, rows, seed: 1 / 0}, "failed in fit: ZeroDivisionError"),
        ({"names": ("x=1", "x=2")}, "has 2 names, but 1 fields"),
        ({"names": "x=1", "fields": "x"}, "must be tuples of text"),
        ({"names": (1,)}, "must be tuples of text"),
        ({"names": None}, "failed in fit: TypeError"),
        ({"encode": lambda rows: 1 / 0}, "failed in encode: ZeroDivisionError"),
        ({"encode": lambda rows: np.zeros((len(rows), 2))}, "answered float64"),
        ({"encode": lambda rows: np.zeros(len(rows))}, "answered float64"),
        ({"encode": lambda rows: np.full((len(rows), 1), np.nan)}, "not a finite number"),
        ({"encode": lambda rows: np.full((len(rows), 1), 1e300)}, "not a finite number"),
        ({"encode": lambda rows: [["a"]] * len(rows)}, "answered <U1"),
        ({"names": ("genres=calm",), "fields": ("g",)}, "there is another column 'genres=calm'"),
        ({"names": ("x=1", "x=1"), "fields": ("x", "x")}, "there is another column 'x=1'"),
    ],
)
def test_a_fit_with_a_broken_encoder_says_which(wrong, why):
    wide = len(wrong.get("fields", "x"))
    answer = {"fit": lambda schema, rows, seed: None, "encode": lambda rows: np.zeros((len(rows), wide), np.float32)}
    with pytest.raises(PluginError, match="feature encoder 'mine'") as caught:
        fit(mine=Odd(**(answer | wrong)))
    assert why in str(caught.value)


def wide(columns, side):
    names = tuple(f"x={n}" for n in range(columns))
    return Odd(
        side=side,
        names=names,
        fields=("x",) * columns,
        fit=lambda schema, rows, seed: None,
        encode=lambda rows: np.zeros((len(rows), columns), np.float32),
    )


@pytest.mark.parametrize(("side", "most", "what"), [("users", 256, "profile"), ("items", 512, "content")])
def test_columns_have_to_fit_and_categories_leave_them_room(side, most, what):
    rows = [{"a": tuple(f"v{m}" for m in range(900)), "n": float(n)} for n in range(20)]
    attributes = (Attribute("a", Kind.MULTI), Attribute("n", Kind.NUMERIC))
    dataset = Dataset(
        Schema(users=attributes, items=attributes),
        tuple(f"u{n}" for n in range(20)),
        tuple(f"i{n}" for n in range(20)),
        tuple(rows),
        tuple(rows),
        Histories.from_rows([list(range(20)) for _ in rows]),
    )
    encoders = fit(dataset, mine=wide(100, side))
    names = encoders.profile_names if side == "users" else encoders.content_names
    assert len(names) == most
    assert names[-100:] == tuple(f"x={n}" for n in range(100))
    with pytest.raises(PluginError, match=f"'mine' has {most} columns, and \\d+ of {most} {what} columns are left"):
        fit(dataset, mine=wide(most, side))
    second = wide(most - 50, side)
    second.wrong["names"] = tuple(f"y={n}" for n in range(most - 50))
    with pytest.raises(PluginError, match=f"'second' has {most - 50} columns"):
        fit(dataset, first=wide(100, side), second=second)


def test_saved_and_loaded(both, tmp_path):
    both.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"initials", "postcodes"}
    make = make_from(initials=Initials, postcodes=lambda: Initials("users", "postcode"))
    loaded = FeatureEncoders.load(tmp_path, make=make)
    assert loaded.absent == {}
    assert (loaded.profile_names, loaded.content_names) == (both.profile_names, both.content_names)
    assert (loaded.profile_fields, loaded.content_fields) == (both.profile_fields, both.content_fields)
    dataset = tiny_dataset()
    for size in (1, 3, 24):
        rows, people = dataset.item_attributes[:size], dataset.user_attributes[:size]
        np.testing.assert_array_equal(loaded.content(rows), both.content(rows))
        np.testing.assert_array_equal(loaded.profiles(people), both.profiles(people))


def test_an_encoder_that_fails_to_export_is_named(tmp_path):
    def full(directory):
        raise OSError("disk full")

    encoder = Initials()
    encoder.export = full
    with pytest.raises(PluginError, match="'mine' failed in export: OSError: disk full"):
        fit(mine=encoder).save(tmp_path)


def other_columns():
    encoder = Initials()
    encoder.load = lambda directory: setattr(encoder, "letters", ("q",))
    return encoder


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (None, "no plugin offers feature encoder 'initials'"),
        (make_from(initials=lambda: 1 / 0), "ZeroDivisionError"),
        (make_from(initials=object), "AttributeError"),
        (make_from(initials=other_columns), "not those it was trained with"),
    ],
)
def test_without_its_encoder_columns_are_zeros(tmp_path, make, why):
    encoders = fit(initials=Initials())
    encoders.save(tmp_path)
    loaded = FeatureEncoders.load(tmp_path) if make is None else FeatureEncoders.load(tmp_path, make=make)
    assert list(loaded.absent) == ["initials"]
    assert loaded.absent["initials"].startswith("cannot be loaded: ")
    assert why in loaded.absent["initials"]
    assert loaded.content_names == encoders.content_names
    rows = tiny_dataset().item_attributes
    np.testing.assert_array_equal(loaded.content(rows)[:, :-1], encoders.content(rows)[:, :-1])
    assert (loaded.content(rows)[:, -1] == 0).all()
    with pytest.raises(PluginError, match="absent"):
        loaded.save(tmp_path / "again")


def test_one_that_fails_while_serving_gives_zeros_and_is_told(both, tmp_path, caplog):
    both.save(tmp_path)
    broken = Initials()
    make = make_from(initials=lambda: broken, postcodes=lambda: Initials("users", "postcode"))
    loaded = FeatureEncoders.load(tmp_path, make=make)
    broken.encode = lambda rows: np.full((len(rows), 1), np.inf)
    rows = tiny_dataset().item_attributes[:3]
    assert (loaded.content(rows)[:, -1] == 0).all()
    assert "feature encoder initials failed in encode" in caplog.text
    asked = []

    def attempt(component, operation, function):
        asked.append((component, operation))
        with pytest.raises(PluginError, match="not a finite number"):
            function()

    assert (loaded.content(rows, attempt=attempt)[:, -1] == 0).all()
    assert asked == [("initials", "encode")]
    assert loaded.profiles([{"postcode": "1"}], attempt=lambda *call: call[2]()).shape == (1, len(loaded.profile_names))
    with pytest.raises(PluginError, match="'initials'"):
        loaded.columns_of("initials", (), rows)
    with pytest.raises(KeyError):
        loaded.columns_of("nobody", (), rows)


def test_a_block_that_nobody_knows_is_refused(both, tmp_path):
    both.save(tmp_path)
    text = (tmp_path / "encoders.json").read_text().replace('"plugged"', '"from the future"')
    (tmp_path / "encoders.json").write_text(text)
    with pytest.raises(CorruptBundleError, match="from the future"):
        FeatureEncoders.load(tmp_path)

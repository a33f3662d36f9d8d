"""A bundle as a source: what it says about items and users of another catalogue."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from firstlight.bundle import write_bundle
from firstlight.domain import ItemTable
from firstlight.errors import CorruptBundleError, PreconditionError, Reason
from firstlight.features import FeatureEncoders
from firstlight.testing import tiny_dataset
from firstlight.training.source import open_source


class Model:
    """A text model: the length of a text, and how many words it has."""

    key = "lengths@1"

    def __call__(self, texts):
        return np.array([[len(text), text.count(" ")] for text in texts], np.float32)


def body(directory):
    (directory / "body.json").write_text("{}")


@pytest.fixture
def write(tmp_path, plugins):
    def write(*names, embed=None):
        dataset = tiny_dataset()
        encoders = FeatureEncoders.fit(dataset, embed=embed, embed_key=embed.key if embed else "")
        return write_bundle(
            tmp_path,
            bundle_id="films-1",
            catalog_id="films",
            schema=dataset.schema,
            item_ids=dataset.item_ids,
            encoders=encoders,
            items=ItemTable(encoders.content(dataset.item_attributes), dataset.counts()),
            components={name: SimpleNamespace(export=body, requires=()) for name in names},
            ranker=None,
            metrics={},
            evaluation={},
            dataset_token=0,
            plugins=plugins,
        ), encoders

    return write


def test_items_of_another_catalogue_in_its_columns(write):
    path, encoders = write("popularity", "transfer")
    source = open_source(path, None)
    assert (source.component("transfer") / "body.json").is_file()
    found = dict(
        zip(encoders.content_names, source.content([{"genres": "calm|unheard", "price": 3.0}])[0], strict=True)
    )
    assert found["genres=calm"] == 1
    assert found["genres=loud"] == 0
    profile = dict(zip(encoders.profile_names, source.profiles([{"taste": "calm", "age": "old"}])[0], strict=True))
    assert profile["taste=calm"] == 1
    assert not any(value for name, value in profile.items() if name.startswith("age"))  # no number, so unknown


def test_hashed_text_says_nothing_elsewhere(write):
    path, encoders = write("transfer")
    text = [n for n, name in enumerate(encoders.content_names) if "~" in name]
    assert text
    assert not open_source(path, None).content([{"title": "a calm work"}])[0, text].any()


def test_text_is_read_by_the_same_model_alone(write):
    path, encoders = write("transfer", embed=Model())
    text = [n for n, name in enumerate(encoders.content_names) if "~" in name]
    rows = [{"title": "a calm work"}]
    other = Model()
    other.key = "lengths@2"
    assert open_source(path, Model()).content(rows)[0, text].any()
    assert not open_source(path, other).content(rows)[0, text].any()
    assert not open_source(path, None).content(rows)[0, text].any()


def test_a_bundle_without_the_body_is_no_source(write):
    path, _ = write("popularity")
    with pytest.raises(PreconditionError, match="films-1 holds no component 'transfer'") as caught:
        open_source(path, None)
    assert caught.value.reason is Reason.BUNDLE_NOT_FOUND


def test_every_byte_is_verified(write):
    path, _ = write("transfer")
    (path / "components/transfer/body.json").write_text("[]")
    with pytest.raises(CorruptBundleError, match=r"body\.json"):
        open_source(path, None)

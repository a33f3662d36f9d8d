"""A plugin's feature encoder takes part in everything that training does."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from pydantic import BaseModel

from firstlight.bundle import Bundle, Manifest, verify_bundle
from firstlight.domain import Kind
from firstlight.errors import CorruptBundleError, InvalidInputError, PluginError, Reason
from firstlight.pipeline.loading import load_encoders
from firstlight.training import TrainOptions, fit_product
from firstlight.training.exporting import export_product
from firstlight.training.parity import check_parity

BLOCK = ("sequence", "neighbours", "factors")
OPTIONS = TrainOptions(device="cpu")


class Sides:
    """What the catalogue hides from the built-in encoders: the camp of a user whose attribute is to be ignored."""

    side = "users"
    made: list[Sides] = []  # noqa: RUF012  # reset by each test

    def __init__(self):
        self.names = self.fields = ()
        self.scale = 1.0
        self.rows = 0
        self.made.append(self)

    def fit(self, schema, rows, *, seed):
        self.rows = len(rows)
        self.names = tuple(f"camp={camp}" for camp in sorted({row["side"] for row in rows if "side" in row}))
        self.fields = ("side",) * len(self.names)

    def encode(self, rows):
        values = [[name == f"camp={row.get('side')}" for name in self.names] for row in rows]
        return np.array(values, np.float32).reshape(len(rows), len(self.names)) * self.scale

    def export(self, directory):
        (directory / "camps.json").write_text(json.dumps(self.names))

    def load(self, directory):
        self.names = tuple(json.loads((directory / "camps.json").read_text()))
        self.fields = ("side",) * len(self.names)


class Worse(Sides):
    why = "'sides' loaded from the bundle differs"

    def load(self, directory):
        super().load(directory)
        self.scale = 2.0


class Lost(Sides):
    why = "'sides' cannot be loaded: .*no way back"

    def load(self, directory):
        raise RuntimeError("no way back")


class Depth(BaseModel):
    depth: int = 1


@pytest.fixture
def hidden(make_dataset):
    """The small catalogue, where the taste of a user is in an attribute that the schema ignores."""
    data = make_dataset(users=60)
    users = tuple(replace(attribute, kind=Kind.IGNORE) for attribute in data.schema.users)
    return replace(data, schema=replace(data.schema, users=users))


def trained(hidden, plugins, settings, root):
    product = fit_product(hidden, plugins, settings, OPTIONS)
    path = export_product(product, hidden, root, bundle_id="b", plugins=plugins)
    return product, path


def test_it_is_fitted_in_every_fit_and_kept_in_the_bundle(hidden, stranger, settings, tmp_path):
    Sides.made = []
    plugins = stranger("feature_encoder", {"sides": Sides}, block=BLOCK)
    product, path = trained(hidden, plugins, settings, tmp_path)
    fitted = list(Sides.made)
    assert len(fitted) == 4  # three cross-fits and the refit
    assert all(one.rows < 60 for one in fitted[:3])  # a cross-fit's encoder does not see who is held out
    assert fitted[3].rows == 60
    assert product.encoders.profile_names == ("camp=even", "camp=odd")
    quality = {name: product.metrics[f"ndcg {name} popularity"] for name in ("new-user k=0", "warm")}
    plain = fit_product(hidden, stranger("feature_encoder", {}, block=BLOCK), settings, OPTIONS)
    assert quality["new-user k=0"] > plain.metrics["ndcg new-user k=0 popularity"] + 0.05  # profiles tell the taste
    check_parity(path, product, hidden, plugins, settings)
    assert "encoders/sides/camps.json" in verify_bundle(path).files
    assert Manifest.read(path).format == 3
    loaded = load_encoders(Bundle.open(path), None, plugins, settings.plugins)
    assert loaded.absent == {}
    np.testing.assert_array_equal(
        loaded.profiles(hidden.user_attributes), product.encoders.profiles(hidden.user_attributes)
    )


@pytest.mark.parametrize("encoder", [Worse, Lost])
def test_one_that_comes_back_different_makes_no_bundle(hidden, stranger, settings, tmp_path, encoder):
    plugins = stranger("feature_encoder", {"sides": encoder}, block=BLOCK)
    product, path = trained(hidden, plugins, settings, tmp_path)
    with pytest.raises(CorruptBundleError, match=encoder.why) as caught:
        check_parity(path, product, hidden, plugins, settings)
    assert caught.value.reason is Reason.PARITY_FAILED


def test_a_failing_one_ends_the_run_by_name(hidden, stranger, settings):
    class Failing(Sides):
        def fit(self, schema, rows, *, seed):
            raise ValueError("too few")

    plugins = stranger("feature_encoder", {"sides": Failing}, block=BLOCK)
    with pytest.raises(PluginError, match="feature encoder 'sides' failed in fit: ValueError: too few"):
        fit_product(hidden, plugins, settings, OPTIONS)


def test_a_wrong_setting_names_the_nearest(hidden, stranger, settings):
    plugins = stranger("feature_encoder", {"sides": lambda config: Sides()}, block=BLOCK, config=Depth)
    wrong = settings.model_copy(update={"plugins": {"sides": {"dept": 2}}})
    with pytest.raises(InvalidInputError, match="did you mean 'depth'"):
        fit_product(hidden, plugins, wrong, OPTIONS)

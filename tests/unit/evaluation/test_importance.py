"""What attributes are worth, on data where it is known: the profile and the parity of an item tell the taste."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firstlight.evaluation.importance import importances
from firstlight.evaluation.protocols import splits
from firstlight.settings import Settings
from firstlight.training import TrainOptions, fit_product


@pytest.fixture(scope="module")
def found(dataset, plugins, tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    out = {}
    for protocol in ("new-user", "new-item"):
        split = splits(dataset, protocol, folds=1, seed=0)[0]
        product = fit_product(split.training, plugins, settings, TrainOptions(device="cpu"))
        for one in importances(split, product, seed=0):
            out[one.slice_name, one.shown, one.attribute] = one
    return out


def test_every_attribute_of_every_slice_has_a_number_with_an_interval(found):
    assert set(found) == {
        *(("new-user", k, "side") for k in (0, 3, 10)),
        *(("new-item", None, field) for field in ("parity", "size")),
        *(("new-user × new-item", k, field) for k in (0, 10) for field in ("side", "parity", "size")),
    }
    for one in found.values():
        assert one.interval[0] <= one.drop <= one.interval[1]
        assert 0 < one.ndcg <= 1
        assert one.users > 0
        assert one.side == ("user" if one.attribute == "side" else "item")


def test_the_profile_that_tells_the_taste_is_worth_most_where_nothing_else_does(found):
    alone = found["new-user", 0, "side"]
    assert alone.interval[0] > 0
    assert alone.drop > found["new-user", 10, "side"].drop


def test_an_attribute_that_nothing_depends_on_is_worth_nothing(make_dataset, plugins, settings):
    data = make_dataset(users=60, items=40)
    noise = np.random.default_rng(0).integers(0, 2, 60)
    users = tuple({"side": f"side {n}"} for n in noise.tolist())
    split = splits(replace(data, user_attributes=users), "new-user", folds=1, seed=0)[0]
    product = fit_product(split.training, plugins, settings, TrainOptions(device="cpu"))
    for one in importances(split, product, seed=0):
        assert one.interval[0] <= 0

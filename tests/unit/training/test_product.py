"""The product on data with a known structure, and on odd data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firstlight.domain import Histories, Queries
from firstlight.errors import InvalidInputError
from firstlight.settings import Settings
from firstlight.training import TrainOptions, fit_product


@pytest.fixture(scope="module")
def product(dataset, plugins, tmp_path_factory):
    return fit_product(dataset, plugins, Settings(home=tmp_path_factory.mktemp("home")), TrainOptions(device="cpu"))


def ask(product, dataset, **history):
    attributes = ({},)
    queries = Queries(
        product.encoders.profiles(attributes),
        Histories.from_rows([history.get("items", [])], [history.get("values", [])]),
    )
    positions = product.model.candidates(queries)
    return positions, product.model.rank(queries, positions).values


def test_a_history_of_even_items_asks_for_even_items(product, dataset):
    positions, values = ask(product, dataset, items=[0, 2, 4, 6, 8], values=[5.0] * 5)
    top = [p for p in positions[0][np.argsort(-values[0])] if p not in (0, 2, 4, 6, 8)][:5]
    assert sum(p % 2 == 0 for p in top) >= 4


def test_results_and_metrics_are_kept(product):
    names = [result.name for result in product.crossfit.results]
    assert names[0] == "new-user k=0"
    assert {"new-user k=10", "new-item", "new-user × new-item k=0"} <= set(names)
    for result in product.crossfit.results:
        assert {"fusion", "popularity"} <= set(result.ndcg)
        assert all(len(v) == len(result.users) for v in (*result.ndcg.values(), *result.recall.values()))
        assert len(np.unique(result.users)) == len(result.users)
    assert all(np.isfinite(value) for value in product.metrics.values())


def test_the_fusion_is_not_below_its_floor_on_data_with_tastes(product):
    result = next(r for r in product.crossfit.results if r.name == "new-user k=5")
    assert result.ndcg["fusion"].mean() >= result.ndcg["popularity"].mean()


def test_one_seed_gives_one_product(dataset, plugins, settings, product):
    again = fit_product(dataset, plugins, settings, TrainOptions(device="cpu"))
    assert again.metrics == product.metrics
    first, second = (ask(p, dataset, items=[1, 3], values=[5.0, 5.0]) for p in (product, again))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_stages_are_told_and_what_progress_raises_ends_the_run(dataset, plugins, settings):
    stages = []

    def progress(stage, share):
        assert 0 <= share <= 1
        if stage not in stages:
            stages.append(stage)
        if stage == "fusion":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_product(dataset, plugins, settings, TrainOptions(device="cpu"), progress=progress)
    assert stages == ["cross-fit 1/3", "cross-fit 2/3", "cross-fit 3/3", "fusion"]


def test_an_unknown_ranker_is_named(dataset, plugins, settings):
    with pytest.raises(InvalidInputError, match="unknown ranker 'fussion'; registered: fusion"):
        fit_product(dataset, plugins, settings.model_copy(update={"ranker": "fussion"}), TrainOptions(device="cpu"))


ODD = {
    "no values": {"values": False},
    "no times": {"times": False},
    "no attributes": {"attributes": False},
    "nothing but who and what": {"values": False, "times": False, "attributes": False},
    "five users": {"users": 5},
    "five items": {"items": 5},
    "five of each": {"users": 5, "items": 5},
    "short histories": {"length": 3},
    "one interaction each": {"length": 1},
}


STRATEGIES = {"popularity", "ease", "factors", "neighbours", "projection", "sequence", "student", "transfer"}


def answer(odd, plugins, settings):
    """Train on ``odd`` and ask: a new user, and one who did something."""
    product = fit_product(odd, plugins, settings, TrainOptions(device="cpu"))
    assert set(product.model.names) == STRATEGIES
    for items in ([], [0, 1]):
        positions, values = ask(product, odd, items=items, values=[5.0] * len(items))
        assert positions.shape[1] >= 4
        assert np.isfinite(values[positions >= 0]).all()


@pytest.mark.parametrize("shape", ODD.values(), ids=ODD)
def test_odd_data_still_gives_a_product(make_dataset, every_plugin, quick, shape):
    """Without a warning too: they are errors here."""
    answer(make_dataset(**{"users": 30, "items": 20, "length": 12, **shape}), every_plugin, quick)


@pytest.mark.parametrize("value", [1.0, 5.0])
def test_one_class_data(make_dataset, every_plugin, quick, value):
    """Nobody likes anything, or everybody likes everything."""
    odd = make_dataset(users=40, items=20, length=12)
    values = np.full_like(odd.histories.values, value)
    answer(replace(odd, histories=replace(odd.histories, values=values)), every_plugin, quick)


def test_a_user_with_half_of_all_interactions(make_dataset, every_plugin, quick):
    odd = make_dataset(users=31, items=60, length=2)
    rows = [odd.histories.of(user).tolist() for user in range(31)]
    rows[0] = list(range(60))
    answer(replace(odd, histories=Histories.from_rows(rows)), every_plugin, quick)


def test_the_fast_route_keeps_what_others_have_plugged_in(dataset, stranger, settings):
    from firstlight_plugins.neighbours import Neighbours

    class Strange(Neighbours):
        """Somebody else's component."""

    plugins = stranger("candidate_generator", {"strange": Strange}, block=("sequence", "student", "ease", "factors"))
    product = fit_product(dataset, plugins, settings, TrainOptions(device="cpu"))
    assert product.routes.fast.names == ("popularity", "projection", "strange")
    assert set(product.routes.quality) >= {0, 1, 3, 5, 10}

from dataclasses import replace

import numpy as np
import pytest

from firstlight import FitOptions, Histories, InvalidInputError, Queries, Schema
from firstlight_plugins.sequence import Sequence, training


def test_one_seed_gives_the_same_model_and_another_seed_another(toolkit):
    first, again, other = (toolkit.fit(seed=seed, epochs=2).component for seed in (1, 1, 2))
    queries = toolkit.ask([[3, 14]])
    positions = toolkit.every(queries)
    values = [part.score(queries, positions).values for part in (first, again, other)]
    np.testing.assert_array_equal(values[0], values[1])
    assert np.abs(values[0] - values[2]).max() > 0


def test_training_lowers_the_validation_loss(fitted):
    losses = [v for name, v in fitted.metrics.items() if name.startswith("validation_loss/")]
    assert min(losses) == fitted.metrics["validation_loss"]
    assert min(losses) < losses[0]
    assert fitted.metrics["best_epoch"] >= 1


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_every_loss_and_optimizer_trains(toolkit, optimizer, loss):
    rate = 0.5 if optimizer == "sgd" else 0.01
    done = toolkit.fit(optimizer=optimizer, loss=loss, epochs=4, learning_rate=rate)
    assert np.isfinite(list(done.metrics.values())).all()
    assert done.metrics["best_epoch"] >= 1


def test_sampled_softmax_learns_the_planted_tastes_too(toolkit, monkeypatch):
    monkeypatch.setattr(training, "DENSE_ITEMS", 0)
    part = toolkit.fit(negatives=60, epochs=6).component
    queries = toolkit.ask([[3], [13]])
    values = part.score(queries, toolkit.every(queries)).values
    assert values[0, :10].min() > values[0, 10:20].max()
    assert values[1, 10:20].min() > values[1, :10].max()


def test_data_without_values_and_times_is_enough(toolkit):
    part = toolkit.fit(toolkit.planted(values=False, times=False), epochs=3).component
    queries = toolkit.ask([[3]])
    values = part.score(queries, toolkit.every(queries)).values
    assert values[0, :10].mean() > values[0, 10:20].mean()


def test_mse_without_values_is_refused(toolkit):
    with pytest.raises(InvalidInputError, match="needs interactions with values"):
        toolkit.fit(toolkit.planted(values=False), loss="mse")


def test_a_catalogue_without_interactions_still_fits(toolkit):
    data = toolkit.planted(users=4)
    empty = data.dataset.hide_items(np.ones(22, bool))
    done = toolkit.fit(type(data)(empty, *(getattr(data, n) for n in list(data.__slots__)[1:])), epochs=1)
    queries = toolkit.ask([[3]])
    assert np.isfinite(done.component.score(queries, toolkit.every(queries)).values).all()


def test_time_budget_ends_training_after_a_step(toolkit):
    data = toolkit.planted()
    part = Sequence()
    options = FitOptions(components={"popularity": toolkit.prior(data.items)}, time_budget_s=0.0)
    assert part.fit(data, options)["epochs"] == 1


def test_progress_may_cancel(toolkit):
    data = toolkit.planted()

    def cancel(stage, share):
        raise KeyboardInterrupt

    options = FitOptions(components={"popularity": toolkit.prior(data.items)}, progress=cancel)
    with pytest.raises(KeyboardInterrupt):
        Sequence().fit(data, options)


@pytest.mark.slow
def test_the_large_preset_takes_two_steps(toolkit):
    data = toolkit.planted(users=16)
    done = toolkit.fit(data, preset="large", epochs=1, batch_size=8)
    queries = toolkit.ask([[3], []])
    assert done.component.states(queries).shape == (2, 512)
    assert np.isfinite(list(done.metrics.values())).all()


def turning(users=360):
    """Users whose taste may turn: four items of one, then six of the other or of the same."""
    rng = np.random.default_rng(1)
    rows = []
    for user in range(users):
        first, second = 10 * (user % 2), 10 * (user // 2 % 2)
        early = (first + rng.permutation(10)[:4]).tolist()
        rows.append([*early, *[item for item in (second + rng.permutation(10)).tolist() if item not in early][:6]])
    times = [[10**6 * (n + 1) for n in range(10)] for _ in rows]
    return Histories.from_rows(rows, times=times)


@pytest.mark.parametrize("order_aware", [True, False])
def test_what_came_last_counts_most_where_order_is_minded(toolkit, order_aware):
    data = toolkit.planted(users=360)
    schema = Schema(has_values=False, has_times=True)
    data = replace(data, dataset=replace(data.dataset, histories=turning(), schema=schema))
    fitted = toolkit.fit(data, order_aware=order_aware, epochs=30, patience=20)
    rows = [[0, 1, 2, 10, 11, 12], [10, 11, 12, 0, 1, 2]]
    queries = Queries(data.profiles[:2], Histories.from_rows(rows, times=[[10**6 * (n + 1) for n in range(6)]] * 2))
    values = fitted.component.score(queries, toolkit.every(queries)).values
    leaning = values[:, 13:20].mean(axis=1) - values[:, 3:10].mean(axis=1)
    if order_aware:
        assert leaning[0] > leaning[1] + 0.1
    else:
        assert abs(leaning[0] - leaning[1]) < 1e-3

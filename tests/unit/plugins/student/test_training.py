import numpy as np
import pytest

from firstlight import FitOptions
from firstlight_plugins.student import Student, StudentSettings, lessons, teacher, training


def kept_apart(part, queries, toolkit):
    values = part.score(queries, toolkit.every(queries)).values
    return values[0, :10].mean() > values[0, 10:20].mean() and values[1, 10:20].mean() > values[1, :10].mean()


def test_it_learns_from_the_teacher_alone(toolkit):
    done = toolkit.fit(imitation=1.0, state_weight=0.0, epochs=24, patience=24)
    assert kept_apart(done.component, toolkit.ask([[3], [13]]), toolkit)
    losses = [value for name, value in done.metrics.items() if name.startswith("train_loss/")]
    assert losses[-1] < 0.8 * losses[0], "the student does not come nearer to its teacher"


def test_the_state_loss_pulls_the_state_towards_the_teachers(toolkit):
    """With nothing else to learn, the teacher's state can be read off the student's."""
    done = toolkit.fit(imitation=0.0, state_weight=100.0, epochs=20, patience=50)
    queries = toolkit.ask([[n] for n in range(20)])
    states = done.component.states(queries)
    design = np.concatenate([states, np.ones((20, 1))], axis=1)[:, :]
    wanted = done.oracle.states(queries)[:, 0]
    fitted = design[:, :6] @ np.linalg.lstsq(design[:, :6], wanted, rcond=None)[0]
    assert np.corrcoef(fitted, wanted)[0, 1] > 0.8


def test_one_seed_gives_the_same_model_and_another_seed_another(toolkit):
    first, again, other = (toolkit.fit(seed=seed, epochs=12).component for seed in (1, 1, 2))
    queries = toolkit.ask([[3, 14]])
    values = [part.score(queries, toolkit.every(queries)).values for part in (first, again, other)]
    np.testing.assert_array_equal(values[0], values[1])
    assert np.abs(values[0] - values[2]).max() > 0


def test_candidates_of_a_large_catalogue_teach_the_planted_tastes_too(toolkit, monkeypatch):
    for module in (lessons, teacher):
        monkeypatch.setattr(module, "DENSE_ITEMS", 0)
    monkeypatch.setattr(lessons, "NEGATIVES", 30)
    assert kept_apart(toolkit.fit(epochs=8).component, toolkit.ask([[3], [13]]), toolkit)


@pytest.mark.parametrize("planted", [{"values": False, "times": False}, {"types": 3}, {"users": 4}])
def test_poor_and_rich_data_fit(toolkit, planted):
    part = toolkit.fit(toolkit.planted(**planted), epochs=2).component
    queries = toolkit.ask([[], [3, 14]])
    assert np.isfinite(part.score(queries, toolkit.every(queries)).values).all()


def test_a_catalogue_without_interactions_still_fits(toolkit):
    data = toolkit.planted(users=4)
    empty = data.dataset.hide_items(np.ones(22, bool))
    done = toolkit.fit(type(data)(empty, *(getattr(data, n) for n in list(data.__slots__)[1:])), epochs=1)
    queries = toolkit.ask([[3]])
    assert np.isfinite(done.component.score(queries, toolkit.every(queries)).values).all()


def test_pruned_weights_are_zero_and_counted(toolkit):
    whole, pruned = (toolkit.fit(variant=variant, kept=0.25, epochs=3) for variant in ("float32", "pruned"))
    assert pruned.metrics["parameters"] < 0.35 * whole.metrics["parameters"]
    codes = pruned.component.codes(np.arange(22, dtype=np.int32))
    assert ((codes != 0).sum(axis=1) <= 6).all()
    inner = pruned.component._encoder.module.inner.weight
    assert float((inner != 0).float().mean()) == pytest.approx(0.25, abs=0.02)


def test_the_teacher_is_asked_about_each_round_once(toolkit):
    few, many = (toolkit.fit(epochs=epochs, patience=99).oracle.asked for epochs in (training.ROUNDS, 20))
    assert few == many


def test_a_round_fits_the_bound_of_cells(toolkit, monkeypatch):
    monkeypatch.setattr(training, "MAX_CELLS", 1)
    usual, bounded = 75 * 6, toolkit.fit(epochs=8, patience=99).oracle.asked
    assert bounded < usual + 5 * 15 + 1


def test_time_budget_ends_training_after_a_step(toolkit):
    data = toolkit.planted()
    components = {"popularity": toolkit.prior(data.items), "oracle": toolkit.oracle()}
    part = Student(StudentSettings(teachers=("oracle",)))
    assert part.fit(data, FitOptions(components=components, time_budget_s=0.0))["epochs"] == 1


def test_progress_may_cancel(toolkit):
    data = toolkit.planted()
    components = {"popularity": toolkit.prior(data.items), "oracle": toolkit.oracle()}

    def cancel(stage, share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Student(StudentSettings(teachers=("oracle",))).fit(data, FitOptions(components=components, progress=cancel))

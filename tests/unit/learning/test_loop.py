import pytest
import torch
from torch import nn

from firstlight import InvalidInputError
from firstlight.learning import OPTIMIZERS, EarlyStopping, make_optimizer, train


class Point(nn.Module):
    """One number, to be moved to 3."""

    def __init__(self):
        super().__init__()
        self.at = nn.Parameter(torch.zeros(()))

    def loss(self):
        return (self.at - 3) ** 2


def optimizer(point, name="adam", rate=0.1):
    return make_optimizer(name, [{"params": point.parameters()}], learning_rate=rate)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_finds_the_minimum(name):
    point = Point()
    rate = 0.02 if name == "sgd" else 0.1
    record = train(
        point,
        optimizer(point, name, rate),
        lambda: [point.loss] * 20,
        lambda: point.loss().item(),
        epochs=15,
    )
    assert point.at.item() == pytest.approx(3, abs=0.05)
    assert len(record.losses) == len(record.validation) == 15
    assert not point.training


def test_an_unknown_optimizer_names_the_nearest():
    with pytest.raises(InvalidInputError, match="did you mean 'adamw'"):
        make_optimizer("adamww", [{"params": Point().parameters()}], learning_rate=1)


def test_it_stops_early_and_keeps_the_best_epoch():
    point = Point()
    record = train(
        point,
        optimizer(point),
        lambda: [point.loss] * 5,
        lambda: abs(point.at.item() - 1),
        epochs=50,
        stopping=EarlyStopping(patience=3),
    )
    assert record.stopped == "early"
    assert len(record.losses) == record.best_epoch + 3
    assert abs(point.at.item() - 1) == pytest.approx(record.best_loss, abs=1e-6)


def test_a_loss_that_is_not_finite_ends_the_run_at_the_best_epoch():
    point = Point()
    calls = iter([1.0, 1.0, float("nan"), 1.0])
    record = train(
        point, optimizer(point), lambda: [lambda: point.loss() * next(calls)], lambda: point.loss().item(), epochs=9
    )
    assert record.stopped == "early"
    assert record.best_epoch == 2
    assert torch.isfinite(point.at)


def test_the_time_budget_ends_the_run():
    point = Point()
    record = train(point, optimizer(point), lambda: [point.loss] * 3, lambda: 0.0, epochs=9, time_budget_s=0.0)
    assert (record.stopped, len(record.losses)) == ("time", 1)


def test_no_epochs_leave_the_start():
    point = Point()
    record = train(point, optimizer(point), lambda: [point.loss], lambda: 7.0, epochs=0)
    assert (record.best_epoch, record.best_loss, point.at.item()) == (0, 7.0, 0.0)


def test_progress_is_told_and_may_cancel():
    point, seen = Point(), []
    train(point, optimizer(point), list, lambda: 0.0, epochs=2, progress=lambda *told: seen.append(told), stage="x")
    assert seen == [("x", 0.5), ("x", 1.0), ("x", 1.0)]

    def cancel(stage, share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(point, optimizer(point), list, lambda: 0.0, epochs=2, progress=cancel)

"""The training loop: epochs until the validation loss stops falling, or time is up; the best epoch is what stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from firstlight.roles import Progress, no_progress


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """Stop after ``patience`` epochs that did not better the lowest loss by ``least``."""

    patience: int = 6
    least: float = 1e-4


@dataclass(slots=True)
class TrainingRecord:
    """``losses`` and ``validation``: one number an epoch; ``best_epoch`` counts from 1, 0 = as initialised.

    ``stopped`` says why it ended: ``epochs``, ``early`` or ``time``.
    """

    losses: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = float("inf")
    seconds: float = 0.0
    stopped: str = "epochs"

    @property
    def metrics(self) -> dict[str, float]:
        """The curves, one number an epoch as ``train_loss/001``, and what became of them."""
        curves = {
            f"{name}/{epoch:03d}": value
            for name, values in (("train_loss", self.losses), ("validation_loss", self.validation))
            for epoch, value in enumerate(values, start=1)
        }
        return curves | {
            "validation_loss": self.best_loss,
            "best_epoch": float(self.best_epoch),
            "epochs": float(len(self.losses)),
            "seconds": self.seconds,
        }


def train(
    module: nn.Module,
    optimizer: Optimizer,
    batches: Callable[[], Iterable[Callable[[], Tensor]]],
    validate: Callable[[], float],
    *,
    epochs: int,
    stopping: EarlyStopping | None = None,
    time_budget_s: float | None = None,
    clip_norm: float = 5.0,
    progress: Progress = no_progress,
    stage: str = "train",
) -> TrainingRecord:
    """Train ``module`` in place and leave it with the weights of the best epoch, in evaluation mode.

    ``batches()`` starts an epoch and yields one function a batch that returns its loss; ``validate()`` is the loss on
    users of its own, called before the first epoch and after each, in evaluation mode without gradients. A loss that
    is not finite ends the run as an early stop: the best epoch still stands. ``progress`` may raise to cancel.
    """
    start = time.monotonic()
    record = TrainingRecord()
    record.best_loss = _evaluate(module, validate)
    best = _snapshot(module)
    stale = 0
    for epoch in range(1, epochs + 1):
        module.train()
        total, steps, finite = 0.0, 0, True
        for batch in batches():
            optimizer.zero_grad(set_to_none=True)
            loss = batch()
            finite = bool(torch.isfinite(loss))
            if not finite:
                break
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            nn.utils.clip_grad_norm_(module.parameters(), clip_norm)
            optimizer.step()
            total, steps = total + float(loss.detach()), steps + 1
            if _over(start, time_budget_s):
                break
        record.losses.append(total / max(steps, 1))
        record.validation.append(_evaluate(module, validate))
        if record.validation[-1] < record.best_loss - (stopping.least if stopping else 0.0):
            record.best_loss, record.best_epoch, stale = record.validation[-1], epoch, 0
            best = _snapshot(module)
        else:
            stale += 1
        progress(stage, epoch / epochs)
        if _over(start, time_budget_s):
            record.stopped = "time"
            break
        if not finite or (stopping is not None and stale >= stopping.patience):
            record.stopped = "early"
            break
    module.load_state_dict(best)
    module.eval()
    record.seconds = time.monotonic() - start
    progress(stage, 1.0)
    return record


def _evaluate(module: nn.Module, validate: Callable[[], float]) -> float:
    module.eval()
    with torch.no_grad():
        return validate()


def _snapshot(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def _over(start: float, budget_s: float | None) -> bool:
    return budget_s is not None and time.monotonic() - start >= budget_s

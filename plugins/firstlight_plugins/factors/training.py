"""Learns Q, chooses how to fold in, and measures how well values are predicted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firstlight import Dataset, Progress, TrainingData
from firstlight.learning import held_out, ndcg, place_weights
from firstlight_plugins.factors.als import Entries, factorise
from firstlight_plugins.factors.folding import LEVEL_SHRINKAGE, Folding

if TYPE_CHECKING:
    from firstlight_plugins.factors.component import FactorsSettings

BACKGROUND = 2.0
RIDGE = 0.003
DISLIKED_WEIGHT = 0.3
FOLD_RIDGES = (0.1, 0.3, 0.6)
FOLD_STRENGTHS = (10.0, 30.0, 60.0)
EXPLICIT_RIDGE = 0.1
EXPLICIT_SIZE = 8
SHOWN = 10
WARM_ITERATIONS = 2


@dataclass(frozen=True, slots=True)
class Learnt:
    """The fitted model and its metrics."""

    folding: Folding
    metrics: dict[str, float]


def learn(data: TrainingData, settings: FactorsSettings, *, seed: int, progress: Progress) -> Learnt:
    """Fit without the validation users, choose and measure on them, then go on with all users."""
    dataset = data.dataset
    training = dataset.select_users(data.training)
    metrics: dict[str, float] = {}
    explicit = None
    if dataset.schema.has_values:
        size = settings.embedding_size if settings.objective == "explicit" else EXPLICIT_SIZE
        explicit = fit_explicit(training, size=size, iterations=settings.iterations, seed=seed)
        metrics = value_errors(explicit, dataset.select_users(data.validation))
        progress("factors", 0.3)
    if settings.objective == "explicit" and explicit is not None:
        return Learnt(fit_explicit(dataset, size=size, iterations=settings.iterations, seed=seed), metrics)
    size = settings.embedding_size
    first = fit_implicit(training, size=size, iterations=settings.iterations, seed=seed)
    progress("factors", 0.6)
    folding, quality = _choose_folding(data, first)
    last = fit_implicit(dataset, size=size, iterations=WARM_ITERATIONS, seed=seed, start=first.factors)
    metrics |= {"validation_ndcg": quality, "fold_ridge": folding.ridge, "fold_strength": folding.strength}
    progress("factors", 1.0)
    return Learnt(replace(last, ridge=folding.ridge, strength=folding.strength), metrics)


def fit_implicit(
    dataset: Dataset, *, size: int, iterations: int, seed: int, start: NDArray[np.float32] | None = None
) -> Folding:
    """Positives pull to 1 by their place, everything else to 0, dislikes harder."""
    histories = dataset.histories
    positive = histories.positive(dataset.schema.positive_value)
    votes = place_weights(histories, ordered=dataset.schema.has_times)
    weights = np.where(positive, votes, DISLIKED_WEIGHT).astype(np.float32)
    entries = Entries.of(
        positive.astype(np.float32), weights, histories.items, histories.offsets, len(dataset.item_ids)
    )
    users, factors = factorise(
        entries, size=size, background=BACKGROUND, ridge=RIDGE, iterations=iterations, seed=seed, start=start
    )
    return Folding(
        factors=factors.astype(np.float32),
        levels=np.zeros(len(factors), np.float32),
        centre=users.mean(axis=0).astype(np.float32) if len(users) else np.zeros(size, np.float32),
        explicit=False,
        positive_value=dataset.schema.positive_value,
        mean=0.0,
        background=BACKGROUND,
        ridge=FOLD_RIDGES[0],
        strength=FOLD_STRENGTHS[0],
        disliked_weight=DISLIKED_WEIGHT,
    )


def fit_explicit(dataset: Dataset, *, size: int, iterations: int, seed: int) -> Folding:
    """Known values, less their mean and the shrunk levels of item and user, under squared error."""
    histories = dataset.histories.keep(~np.isnan(dataset.histories.values))
    items = len(dataset.item_ids)
    mean = float(histories.values.mean()) if len(histories.values) else 0.0
    totals = np.bincount(histories.items, histories.values - mean, minlength=items)
    levels = (totals / (np.bincount(histories.items, minlength=items) + LEVEL_SHRINKAGE)).astype(np.float32)
    blank = Folding(
        factors=np.zeros((items, size), np.float32),
        levels=levels,
        centre=np.zeros(size, np.float32),
        explicit=True,
        positive_value=dataset.schema.positive_value,
        mean=mean,
        background=0.0,
        ridge=EXPLICIT_RIDGE,
        strength=1.0,
        disliked_weight=0.0,
    )
    users, factors = factorise(
        blank.entries(histories), size=size, background=0.0, ridge=EXPLICIT_RIDGE, iterations=iterations, seed=seed
    )
    centre = users.mean(axis=0).astype(np.float32) if len(users) else blank.centre
    return replace(blank, factors=factors.astype(np.float32), centre=centre)


def value_errors(folding: Folding, dataset: Dataset) -> dict[str, float]:
    """RMSE and MAE of the values in the later half of each history, folded in from the first half; {} without any."""
    histories = dataset.histories.keep(~np.isnan(dataset.histories.values))
    early = histories.ranks() < (histories.lengths // 2)[histories.rows]
    shown = histories.keep(early)
    users, levels = folding.users(shown), folding.user_levels(shown)
    later = histories.keep(~early)
    if not len(later.items):
        return {}
    predicted = (users[later.rows] * folding.factors[later.items]).sum(axis=1)
    errors = folding.mean + folding.levels[later.items] + levels[later.rows] + predicted - later.values
    return {"rmse": float(np.sqrt(np.mean(errors**2))), "mae": float(np.abs(errors).mean())}


def _choose_folding(data: TrainingData, folding: Folding) -> tuple[Folding, float]:
    problem = held_out(data, shown=SHOWN)
    tried = [replace(folding, ridge=r, strength=s) for r in FOLD_RIDGES for s in FOLD_STRENGTHS]
    found = [ndcg(f.users(problem.queries.histories) @ f.factors.T, problem) for f in tried]
    best = int(np.argmax(found))
    return tried[best], found[best]

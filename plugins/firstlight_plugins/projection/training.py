"""Learns the space: settings on hidden items, then codes, priors and vectors from everybody and everything."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from firstlight import FitOptions, TrainingData
from firstlight.learning import walk
from firstlight_plugins.projection.choosing import (
    BY_ALL,
    BY_FEW,
    BY_FIRST_LIKES,
    BY_HISTORY,
    BY_PROFILE,
    LADDERS,
    Choice,
)
from firstlight_plugins.projection.features import FeatureMap
from firstlight_plugins.projection.fitting import RIDGE_ITEMS, fit_space
from firstlight_plugins.projection.space import Space
from firstlight_plugins.projection.trials import Sample, Trial

if TYPE_CHECKING:
    from firstlight_plugins.projection.component import ProjectionSettings

SEARCH_SHARE = 0.5
"""Of the time budget, for choosing."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """The space and how it was chosen."""

    space: Space
    metrics: dict[str, float]


def learn(data: TrainingData, options: FitOptions, settings: ProjectionSettings) -> Learnt:
    """Choose on hidden items, then learn from all items and all users."""
    end = np.inf if options.time_budget_s is None else time.monotonic() + SEARCH_SHARE * options.time_budget_s
    generator = np.random.default_rng(options.seed)
    met = np.flatnonzero(data.items.base_counts)
    rows = np.sort(generator.permutation(met)[:RIDGE_ITEMS])
    features = FeatureMap.of(data.items.base_content[rows], data.content_names)
    choice, metrics = _choose(
        data, features, settings.dense_items, seed=options.seed, stop=lambda: time.monotonic() > end
    )
    options.progress("projection", 0.6)
    space = fit_space(
        data, features, rows, choice, dense_items=settings.dense_items, embedding_size=settings.embedding_size
    )
    options.progress("projection", 1.0)
    finite = {name: value for name, value in asdict(choice).items() if np.isfinite(value)}
    return Learnt(space, metrics | finite)


def _choose(
    data: TrainingData, features: FeatureMap, dense_items: int, *, seed: int, stop: Callable[[], bool]
) -> tuple[Choice, dict[str, float]]:
    """The settings that rank hidden items best, in the order in which they depend on each other."""
    sample = Sample.of(data, seed)
    unit = features(data.items.base_content[sample.items]).astype(np.float64)
    trials = [
        Trial(data, sample, unit, hidden, kinds=features.kinds, dense_items=dense_items)
        for hidden in sample.parts(seed)
        if hidden.any() and not hidden.all()
    ]
    trials = [trial for trial in trials if len(trial)]
    if not trials:
        return Choice(), {}

    def mean(measure: Callable[[Trial, Choice], float]) -> Callable[[Choice], float]:
        return lambda choice: float(np.mean([measure(trial, choice) for trial in trials]))

    found: dict[str, float] = {}
    choice = Choice()
    for measure, names in (
        (Trial.by_history, BY_HISTORY),
        (Trial.by_profile, BY_PROFILE),
        (Trial.by_few, BY_FEW),
        (Trial.by_all, BY_ALL),
        (Trial.by_first_likes, BY_FIRST_LIKES),
    ):
        choice, found[measure.__name__] = walk(choice, LADDERS, names, mean(measure), stop=stop)
    return choice, {"validation_ndcg": found["by_all"]} | {f"validation_ndcg_{name}": v for name, v in found.items()}

"""The product of training: a model fitted on everything, and how good it was on what it had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from firstlight.domain import Dataset
from firstlight.errors import InvalidInputError, Reason
from firstlight.features import FeatureEncoders
from firstlight.pipeline import Model
from firstlight.pipeline.routes import FAST, FULL, FastPlan, Routes
from firstlight.plugins import BUILT_IN_DISTRIBUTION, Plugins
from firstlight.roles import FitOptions, Progress, Ranker, StartsFromSource, no_progress
from firstlight.runtime.text import TextModel
from firstlight.settings import Settings
from firstlight.training.crossfit import CrossFit, cross_fit
from firstlight.training.fitting import GENERATING, Fitted, fit
from firstlight.training.options import Clock, TrainOptions, device_of
from firstlight.training.source import open_source


@dataclass(frozen=True, slots=True)
class Product:
    """``routes``: refitted on everything, with the cross-fitted rankers. ``metrics``: finite numbers by name."""

    routes: Routes
    encoders: FeatureEncoders
    crossfit: CrossFit
    metrics: Mapping[str, float]

    @property
    def model(self) -> Model:
        """The full route."""
        return self.routes.full


def fit_product(
    dataset: Dataset,
    plugins: Plugins,
    settings: Settings,
    options: TrainOptions,
    *,
    catalog_id: str = "default",
    progress: Progress = no_progress,
) -> Product:
    """Cross-fit, learn the ranker, refit every component on all of ``dataset``.

    Stages told to ``progress``: ``cross-fit 1/3`` ..., ``fusion``, ``refit``. What it raises ends the run.

    Raises:
        InvalidInputError: settings name a ranker that no plugin registered.
        CorruptBundleError, PreconditionError: ``options.source`` cannot be started from.
    """
    ranker = plugins.registrations.get(settings.ranker)
    if ranker is None or ranker.role != "ranker":
        known = ", ".join(r.name for r in plugins.of_role("ranker")) or "none"
        raise InvalidInputError(
            f"unknown ranker {settings.ranker!r}; registered: {known}", reason=Reason.SETTINGS_INVALID
        )
    clock = Clock(options.time_budget_s)
    device = device_of(options.device)
    text = TextModel(settings.train.text_model) if settings.train.text_model is not None else None
    source = open_source(options.source, text) if options.source is not None else None

    def fitted(part: Dataset, stage: str, fits_left: int) -> Fitted:
        left = clock.share(fits_left)
        own = FitOptions(seed=options.seed, preset=options.preset, device=device, time_budget_s=left, source=source)
        return fit(
            part,
            plugins,
            settings,
            own,
            catalog_id=catalog_id,
            text=text,
            progress=lambda _, share: progress(stage, share),
        )

    strangers = [  # who installed a component wants to see it
        r.name for r in plugins.of_role(*GENERATING) if plugins.distribution_of(r.name) != BUILT_IN_DISTRIBUTION
    ]
    plan = FastPlan((*settings.fast_route, *strangers), (*settings.fast_generators, *strangers))

    def make_ranker() -> Ranker:
        made: Ranker = ranker.create(settings.plugins.get(ranker.name))
        if source is not None and isinstance(made, StartsFromSource):
            made.start_from(source)
        return made

    found = cross_fit(
        dataset,
        lambda part, number, of: fitted(part, f"cross-fit {number + 1}/{of}", of - number + 1),
        make_ranker,
        fast=plan,
        catalog_id=catalog_id,
        seed=options.seed,
        progress=progress,
    )
    whole = fitted(dataset, "refit", 1)
    model = replace(whole.model(), ranker=found.rankers[FULL], ranker_name=settings.ranker)
    fast = plan.of(model) if FAST in found.rankers else None
    routes = Routes(model, replace(fast, ranker=found.rankers[FAST]), found.fast_quality) if fast else Routes(model)
    metrics = {**whole.metrics, **{f"{settings.ranker}.{name}": value for name, value in found.metrics.items()}}
    for result in found.results:
        for strategy, values in result.ndcg.items():
            metrics[f"ndcg {result.name} {strategy}"] = float(values.mean())
    finite = {name: float(value) for name, value in metrics.items() if np.isfinite(value)}
    return Product(routes, whole.encoders, found, finite)

"""``evaluate``: train without what is held out, ask about it, average over folds."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from firstlight.domain import Dataset
from firstlight.errors import InvalidInputError
from firstlight.evaluation.importance import Importance, importances
from firstlight.evaluation.measuring import Measured, measure
from firstlight.evaluation.metrics import PluggedMetrics
from firstlight.evaluation.protocols import FOLDS, PROTOCOLS, Split, splits
from firstlight.evaluation.results import EvaluationResult, Row
from firstlight.evaluation.space import item_space
from firstlight.plugins import Plugins
from firstlight.roles import Describes, Progress, no_progress
from firstlight.settings import Settings
from firstlight.training import Product, TrainOptions, fit_product

ALL = "all"

Asked = dict[tuple[str, int | None], list[tuple[int, dict[str, Measured]]]]
"""By slice and interactions shown: for each fold, how many items could be ranked, and what each strategy did."""


def evaluate(
    dataset: Dataset,
    plugins: Plugins,
    settings: Settings,
    *,
    protocol: str = ALL,
    folds: int = 1,
    options: TrainOptions | None = None,
    catalog_id: str = "default",
    progress: Progress = no_progress,
) -> EvaluationResult:
    """Quality of the whole product by ``protocol`` (all, new-user, new-item or warm) on the first ``folds`` of five.

    Every fold trains anew, cross-fit and all, and is asked through the same ``Model`` that serves. Stages told to
    ``progress``: ``new-user 1/5: cross-fit 2/3``, ..., ``new-user 1/5: score``, and once a protocol ``attributes``, for
    which the first fold's product is asked with each attribute shuffled. Plugins' metrics are asked about every
    strategy in every slice; one that fails is left out and named.

    Raises:
        InvalidInputError: an unknown protocol, not 1 to 5 folds, or a metric's setting cannot be used.
    """
    if protocol != ALL and protocol not in PROTOCOLS:
        raise InvalidInputError(f"unknown protocol {protocol!r}; use {', '.join((ALL, *PROTOCOLS))}")
    if not 1 <= folds <= FOLDS:
        raise InvalidInputError(f"folds must be 1 to {FOLDS}")
    options = options or TrainOptions()
    start = time.monotonic()
    protocols = PROTOCOLS if protocol == ALL else (protocol,)
    metrics = PluggedMetrics.of(plugins, settings.plugins)
    asked: Asked = {}
    products: list[Product] = []
    worth: list[Importance] = []
    for name in protocols:
        parts = splits(dataset, name, folds=folds, seed=options.seed)
        for split in parts:
            stage = f"{name} {split.fold + 1}/{len(parts)}"

            def report(inner: str, share: float, stage: str = stage) -> None:
                progress(f"{stage}: {inner}", share)

            product = fit_product(split.training, plugins, settings, options, catalog_id=catalog_id, progress=report)
            _ask(split, product, asked, metrics, partial(report, "score"))
            if split.fold == 0:
                report("attributes", 0.0)
                worth += importances(split, product, seed=options.seed)
            products.append(product)
    return EvaluationResult(
        protocols=tuple(protocols),
        folds=folds,
        preset=options.preset,
        seed=options.seed,
        positive_value=dataset.schema.positive_value,
        rows=tuple(_rows(asked, metrics.metrics)),
        losses=_curves(products[0].metrics),
        errors=_errors([product.metrics for product in products]),
        weights=_weights(products[0]),
        importances=tuple(worth),
        described=_described(products[0]),
        space=item_space(products[0], dataset),
        seconds=time.monotonic() - start,
        metrics=metrics.higher_is_better,
        failed_metrics=dict(metrics.failed),
    )


def _ask(
    split: Split, product: Product, asked: Asked, metrics: PluggedMetrics, report: Callable[[float], None]
) -> None:
    """Measure every case of ``split`` that has users into ``asked``."""
    for n, case in enumerate(split.cases):
        report(n / len(split.cases))
        size = len(split.training.item_ids) if case.only is None else len(case.only)
        if len(case.users):
            measured = measure(case, product, split.training, metrics)
            asked.setdefault((case.slice_name, case.shown), []).append((size, measured))
    report(1.0)


def _rows(asked: Asked, metrics: Collection[str]) -> list[Row]:
    rows = []
    for (name, shown), folds in asked.items():
        for strategy in dict.fromkeys(s for _, measured in folds for s in measured):
            parts = [(size, measured[strategy]) for size, measured in folds if strategy in measured]
            sizes = [size for size, _ in parts]
            rows.append(Row.of(name, shown, strategy, [m for _, m in parts], sizes, metrics=metrics))
    return rows


def _curves(metrics: Mapping[str, float]) -> dict[str, list[float]]:
    """Metrics named ``component.curve/epoch`` as curves."""
    curves: dict[str, list[float]] = {}
    for name in sorted(metrics):
        curve, slash, epoch = name.rpartition("/")
        if slash and epoch.isdigit():
            curves.setdefault(curve, []).append(metrics[name])
    return curves


def _errors(fits: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = [name for name in fits[0] if name.endswith((".rmse", ".mae"))]
    return {name: float(np.mean([metrics[name] for metrics in fits if name in metrics])) for name in names}


def _weights(product: Product) -> dict[str, Any]:
    describe = getattr(product.model.ranker, "describe", None)
    return dict(describe()) if describe else {}


def _described(product: Product) -> dict[str, Mapping[str, Mapping[str, float]]]:
    """What components say of their weights; one that cannot is left out."""
    found: dict[str, Mapping[str, Mapping[str, float]]] = {}
    for name, component in product.model.components.items():
        if isinstance(component, Describes):
            with suppress(Exception):  # whatever a plugin raises, the report is written
                tables = component.describe()
                found[name] = {title: {k: float(v) for k, v in table.items()} for title, table in tables.items()}
    return found

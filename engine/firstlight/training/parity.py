"""What is served must be what was trained: a written bundle is loaded and asked before anybody else sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstlight.bundle import Bundle
from firstlight.domain import Dataset, Queries
from firstlight.errors import CorruptBundleError, Reason
from firstlight.features import FeatureEncoders
from firstlight.pipeline.loading import load_encoders, load_model
from firstlight.plugins import Plugins
from firstlight.settings import Settings
from firstlight.training.product import Product

TOLERANCE = 1e-5
"""Largest absolute or relative difference between a score in memory and the same one from the bundle."""

BATCHES = (1, 7, 64)
LONGEST = 30
PER_GENERATOR = 50


def check_parity(path: Path, product: Product, dataset: Dataset, plugins: Plugins, settings: Settings) -> None:
    """Compare every component's scores, and the ranker's, in memory and loaded from ``path``, at batch 1, 7 and 64.

    Every batch holds a query without history. Columns of plugins' feature encoders are compared too.

    Raises:
        CorruptBundleError: PARITY_FAILED, naming the component.
    """
    bundle = Bundle.open(path, verify=False)
    if product.encoders.plugged:
        _check_encoders(bundle, product.encoders, dataset, plugins, settings)
    loaded = load_model(bundle, product.encoders, plugins, settings.plugins)
    if loaded.absent:
        name, why = next(iter(loaded.absent.items()))
        raise CorruptBundleError(f"component {name!r} {why}", reason=Reason.PARITY_FAILED)
    for size in BATCHES:
        queries = _queries(product, dataset, size)
        positions = product.model.candidates(queries, per_generator=PER_GENERATOR)
        ours, theirs = (routes.full.inputs(queries, positions) for routes in (product.routes, loaded.routes))
        for s, name in enumerate(ours.names):
            if not np.array_equal(ours.known[s], theirs.known[s]):
                raise _differs(name, size, "it knows other items")
            _compare(name, size, ours.scores[s], theirs.scores[s])
        real = positions >= 0
        for one, other in ((product.routes.full, loaded.routes.full), (product.routes.fast, loaded.routes.fast)):
            if one is not None and other is not None:
                wanted, found = one.fuse(ours.of(one.names)), other.fuse(theirs.of(other.names))
                _compare(other.ranker_name, size, wanted.values[real], found.values[real])


def _check_encoders(
    bundle: Bundle, ours: FeatureEncoders, dataset: Dataset, plugins: Plugins, settings: Settings
) -> None:
    """Of users and items, and of one that nothing is known about."""
    theirs = load_encoders(bundle, settings.train.text_model, plugins, settings.plugins)
    for name, why in theirs.absent.items():
        raise CorruptBundleError(f"feature encoder {name!r} {why}", reason=Reason.PARITY_FAILED)
    for size in BATCHES:
        users, items = ({}, *dataset.user_attributes[: size - 1]), ({}, *dataset.item_attributes[: size - 1])
        for name in ours.plugged:
            _compare(name, size, ours.columns_of(name, users, items), theirs.columns_of(name, users, items))


def _queries(product: Product, dataset: Dataset, size: int) -> Queries:
    """``size`` users with their first 0, 1, 2, ... interactions."""
    rows = np.arange(size) % len(dataset.user_ids)
    histories = dataset.histories.take(rows)
    shown = histories.keep(histories.ranks() < (np.arange(size) % LONGEST)[histories.rows])
    attributes = tuple(dataset.user_attributes[row] for row in rows)
    return Queries(product.encoders.profiles(attributes), shown, attributes)


def _compare(name: str, size: int, ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> None:
    if not np.allclose(theirs, ours, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=False):
        raise _differs(name, size, f"largest difference {np.abs(theirs - ours).max(initial=0):.3g}")


def _differs(name: str, size: int, what: str) -> CorruptBundleError:
    return CorruptBundleError(
        f"component {name!r} loaded from the bundle differs from the trained one at batch {size}: {what}",
        reason=Reason.PARITY_FAILED,
    )

"""``train``: from what is stored to an active bundle."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from firstlight.bundle import Manifest, remove_bundle
from firstlight.errors import CorruptBundleError
from firstlight.pipeline.checking import CheckHere
from firstlight.plugins import Plugins
from firstlight.roles import Progress, no_progress
from firstlight.settings import Settings
from firstlight.store import BundleRecord, Store
from firstlight.training.exporting import export_product
from firstlight.training.gate import Gate, judge
from firstlight.training.options import TrainOptions
from firstlight.training.parity import check_parity
from firstlight.training.product import fit_product
from firstlight.training.results import SliceResult, results_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The bundle a run wrote. ``activated``: it answers now; else ``gate.reason`` says why not."""

    bundle_id: str
    path: Path
    activated: bool
    gate: Gate
    metrics: Mapping[str, float]
    seconds: float


def train(
    store: Store,
    settings: Settings,
    plugins: Plugins,
    catalog_id: str,
    options: TrainOptions,
    *,
    progress: Progress = no_progress,
) -> TrainResult:
    """Read, cross-fit, fuse, refit, export, check parity, rehearse, register, and activate if the gate lets it.

    Stages told to ``progress``: ``read``, those of :func:`fit_product`, ``export``, ``parity``, ``activate``. What
    ``progress`` raises ends the run: until the bundle is registered nothing of it remains.

    Raises:
        PreconditionError: EMPTY_CATALOG.
        CorruptBundleError: PARITY_FAILED; BUNDLE_CORRUPT: the bundle cannot answer.
        InvalidInputError: a setting cannot be used.
    """
    start = time.monotonic()
    plugins.observe("firstlight_before_train", catalog_id=catalog_id, preset=options.preset, seed=options.seed)
    try:
        result = _run(store, settings, plugins, catalog_id, options, progress=progress, start=start)
    except BaseException as error:
        plugins.observe("firstlight_train_error", catalog_id=catalog_id, error=error)
        raise
    plugins.observe("firstlight_after_train", catalog_id=catalog_id, bundle_id=result.bundle_id, metrics=result.metrics)
    return result


def _run(
    store: Store,
    settings: Settings,
    plugins: Plugins,
    catalog_id: str,
    options: TrainOptions,
    *,
    progress: Progress,
    start: float,
) -> TrainResult:
    progress("read", 0.0)
    token = store.last_token()  # before reading: a write in between is in the data and is followed again
    dataset = store.load_dataset(catalog_id)
    progress("read", 1.0)
    product = fit_product(dataset, plugins, settings, options, catalog_id=catalog_id, progress=progress)
    bundle_id = new_bundle_id()
    progress("export", 0.0)
    path = export_product(
        product,
        dataset,
        settings.bundles,
        catalog_id=catalog_id,
        bundle_id=bundle_id,
        token=token,
        plugins=plugins,
        settings=settings.plugins,
    )
    try:
        progress("parity", 0.0)
        check_parity(path, product, dataset, plugins, settings)
        CheckHere(settings, plugins)(path, rehearsed=True)
        progress("activate", 0.0)
        gate = judge(product.crossfit.results, _active_results(store, settings, catalog_id))
        for warning in gate.warnings:
            log.warning("bundle %s: %s", bundle_id, warning)
        store.register_bundle(
            BundleRecord(
                catalog_id=catalog_id,
                bundle_id=bundle_id,
                path=str(path.relative_to(settings.bundles)),
                created_at=datetime.now(UTC),
                preset=options.preset,
                seed=options.seed,
                dataset_token=token,
                schema=dataset.schema,
                metrics=product.metrics,
                gate=gate.to_json(),
            )
        )
    except BaseException:
        remove_bundle(path)
        raise
    activated = gate.open or options.force
    if activated:
        store.activate_bundle(catalog_id, bundle_id, reason=gate.reason, forced=not gate.open)
    progress("activate", 1.0)
    return TrainResult(bundle_id, path, activated, gate, product.metrics, time.monotonic() - start)


def new_bundle_id() -> str:
    """``20261124T051200Z-abc123``: ids sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _active_results(store: Store, settings: Settings, catalog_id: str) -> list[SliceResult] | None:
    """Per-user results of the active bundle; None where there is none, or it cannot be read any more."""
    active = store.active_bundle(catalog_id)
    if active is None:
        return None
    try:
        manifest = Manifest.read(settings.bundles / active.path)
    except (CorruptBundleError, OSError) as error:
        log.warning("the active bundle cannot be compared with: %s", error)
        return None
    return results_of(manifest)

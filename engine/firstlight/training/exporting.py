"""A product on disk: the bundle that serves it."""

from __future__ import annotations

from pathlib import Path

from firstlight.bundle import FastRoute, write_bundle
from firstlight.domain import Dataset, Queries
from firstlight.pipeline.golden import AskGolden
from firstlight.pipeline.indexing import Indexing, sample
from firstlight.pipeline.loading import ComponentSettings
from firstlight.plugins import Plugins
from firstlight.training.product import Product
from firstlight.training.results import evaluation_of


def export_product(
    product: Product,
    dataset: Dataset,
    root: Path,
    *,
    catalog_id: str = "default",
    bundle_id: str,
    token: int = 0,
    plugins: Plugins,
    settings: ComponentSettings | None = None,
) -> Path:
    """Write the bundle ``root/<catalog_id>/<bundle_id>`` of what was fitted on ``dataset``, and return its path.

    ``token``: the last change that ``dataset`` holds; ``settings``: the tables ``[plugins.<component>]``.
    """
    model, fast = product.routes.full, product.routes.fast
    quality = {str(knot): share for knot, share in product.routes.quality.items()}
    profiles = product.encoders.profiles(dataset.user_attributes)
    users = Queries(profiles, dataset.histories, tuple(dataset.user_attributes))
    return write_bundle(
        root,
        bundle_id=bundle_id,
        catalog_id=catalog_id,
        schema=dataset.schema,
        item_ids=dataset.item_ids,
        encoders=product.encoders,
        items=model.items,
        components=model.components,
        ranker=model.ranker,
        ranker_name=model.ranker_name,
        fast=FastRoute(fast.names, tuple(fast.generators), quality) if fast else None,
        fast_ranker=fast.ranker if fast else None,
        metrics=product.metrics,
        evaluation=evaluation_of(product.crossfit.results),
        dataset_token=token,
        plugins=plugins,
        index=Indexing(model.items, sample(users), plugins, settings or {}),
        golden=AskGolden(users, product.encoders, plugins, settings or {}),
    )

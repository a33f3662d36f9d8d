"""What a trial is worth: NDCG@10 of the fusion on users and items that its fits have not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from firstlight.domain import Dataset
from firstlight.errors import InvalidInputError
from firstlight.evaluation.protocols import deal_folds
from firstlight.plugins import Plugins
from firstlight.roles import FitOptions, Progress
from firstlight.runtime.text import TextModel
from firstlight.settings import Settings
from firstlight.training.blocks import deal, remaining
from firstlight.training.crossfit import NEW_ITEM, NEW_USER, WARM, Example, block_examples, validated
from firstlight.training.fitting import fit
from firstlight.training.problems import FUSION, in_time_order

OBJECTIVES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {NEW_USER: (f"{NEW_USER} k=",), NEW_ITEM: (NEW_ITEM, f"{NEW_USER} × {NEW_ITEM} k="), WARM: (WARM,)}
)
"""What can be asked for, and the beginnings of the names of the slices that it is the mean of."""


def held_out_fold(dataset: Dataset, fold: int, *, seed: int) -> Dataset:
    """``dataset`` without the users of one fold of the new-user protocol, and without interactions with its new items.

    What is chosen on the rest may be reported on that fold: nothing of it was seen.
    """
    users = np.flatnonzero(deal_folds(len(dataset.user_ids), seed) != fold)
    return dataset.select_users(users).hide_items(deal_folds(len(dataset.item_ids), seed + 1) == fold)


def quality(
    dataset: Dataset,
    plugins: Plugins,
    settings: Settings,
    options: FitOptions,
    *,
    objective: str,
    catalog_id: str,
    step: Callable[[int, float], None],
    progress: Progress,
) -> float:
    """Mean over the slices of ``objective`` of the cross-validated NDCG@10 of the fusion.

    The cross-fits of training, without the refit. ``step(n, value)`` is told what n fits say, and may raise.

    Raises:
        InvalidInputError: there are too few users or interactions to ask anything.
    """
    ranker = plugins.registrations[settings.ranker]
    text = TextModel(settings.train.text_model) if settings.train.text_model is not None else None
    dataset = in_time_order(dataset, options.seed)
    gathered: list[Example] = []
    value = float("nan")
    blocks = deal(catalog_id, dataset)
    for number, block in enumerate(blocks):

        def report(_stage: str, share: float, number: int = number) -> None:
            progress("", (number + share) / len(blocks))

        part = remaining(dataset, block)
        own = replace(options, progress=report)
        fitted = fit(part, plugins, settings, own, catalog_id=catalog_id, text=text, progress=report)
        gathered += block_examples(dataset, block, fitted, catalog_id=catalog_id)
        results = validated(
            gathered,
            lambda: ranker.create(settings.plugins.get(ranker.name)),
            options.seed,
            lambda _stage, _share: None,
        )
        found = [r.ndcg[FUSION].mean() for r in results if r.name.startswith(OBJECTIVES[objective])]
        if found:
            value = float(np.mean(found))
            step(number, value)
    if np.isnan(value):
        raise InvalidInputError(f"nobody can be asked about {objective!r}: too few users or interactions")
    return value

"""The ranker: a sum of calibrated scores, weighted by how much is known about the user and about the item."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from firstlight import Metrics, Progress, Ranked, RankingExamples, RankingInputs, Source
from firstlight_plugins.fusion.parameters import Parameters

FILE = "fusion.json"


class FusionSettings(BaseModel):
    """``[plugins.fusion]``.

    ``new_item_cost``: the share of NDCG@10 that lists may lose so that items nobody has met yet are seen. With 0 they
    are shown only where they are the best guess, which a popular old item nearly always is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    new_item_cost: float = Field(default=0.03, ge=0, lt=1)


class Fusion:
    """Value of an item = Σ over components of weight · calibrated score.

    Weights depend on the number of interactions in the query and on whether the item has any. Where a component knows
    nothing the prior stands in for it, so that missing evidence means: trust the prior. ``parameters`` is what
    :meth:`fit` learnt, and what the report plots.
    """

    def __init__(self, settings: FusionSettings | None = None) -> None:
        self.settings = settings or FusionSettings()
        self.parameters = Parameters.prior_alone(("popularity",))
        self._source: Source | None = None

    def start_from(self, source: Source) -> None:
        """What the source's users say of carried components counts beside what few users here say."""
        self._source = source

    def fit(self, examples: Sequence[RankingExamples], *, seed: int, progress: Progress | None = None) -> Metrics:
        """Learn calibration, weights and the offset of new items; without examples the prior ranks alone."""
        from firstlight_plugins.fusion.training import learn  # noqa: PLC0415  # only training needs it

        if not examples:
            return {}
        self.parameters, metrics = learn(
            examples,
            new_item_cost=self.settings.new_item_cost,
            source=self._source,
            seed=seed,
            progress=progress,
        )
        return metrics

    def export(self, directory: Path) -> None:
        """Write ``fusion.json``."""
        (directory / FILE).write_text(json.dumps(self.parameters.to_json(), indent=1), encoding="utf-8")

    def load(self, directory: Path) -> None:
        """Read ``fusion.json``."""
        self.parameters = Parameters.from_json(json.loads((directory / FILE).read_text(encoding="utf-8")))

    def describe(self) -> dict[str, Any]:
        """What was learnt, as plain values: for reports."""
        return self.parameters.to_json()

    def rank(self, inputs: RankingInputs) -> Ranked:
        """Fused values, −inf for padding; what the prior says in a component's place counts as the prior's."""
        learnt = self.parameters
        parts, (_, known) = learnt.parts(inputs), learnt.aligned(inputs)
        real = inputs.positions >= 0
        own = np.where(known & real, parts, np.float32(0))
        own[0] += np.where(real, (parts - own).sum(axis=0), np.float32(0))
        values = np.where(real, own.sum(axis=0), np.float32(-np.inf))
        return Ranked(values, own if learnt.names == inputs.names else _in_order(own, learnt.names, inputs.names))


def _in_order(own: NDArray[np.float32], names: tuple[str, ...], wanted: tuple[str, ...]) -> NDArray[np.float32]:
    """``own`` (S, B, C) of ``names`` in the order of ``wanted``, the first of which stands in for a missing prior."""
    out = np.zeros((len(wanted), *own.shape[1:]), np.float32)
    for s, name in enumerate(names):
        if name in wanted or s == 0:
            out[wanted.index(name) if name in wanted else 0] += own[s]
    return out

"""What an evaluation found: numbers with intervals, ready for JSON and the report."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight.evaluation.importance import Importance
from firstlight.evaluation.measuring import Measured
from firstlight.evaluation.space import ItemSpace
from firstlight.training.metrics import Array, interval


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A plugin's metric in one row: mean and 95 % bootstrap interval over users, both None where nobody has a value."""

    value: float | None
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, values: Array, users: NDArray[np.int64]) -> MetricValue:
        """From the ``values`` (n,) of ``users`` (n,); NaN are left out."""
        there = ~np.isnan(values)
        if not there.any():
            return cls(None, None)
        return cls(float(values[there].mean()), interval(values[there], users[there]))


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy in one slice, all folds together: means over users with 95 % bootstrap intervals.

    ``shown``: interactions in each query, None where it varies. ``coverage``: share of the items it could rank that
    are in anybody's top 10, mean over folds. ``new_share`` and ``target_share``: held-out items' share of the top 10
    and of the targets, None where the question does not arise. ``metrics``: plugins' metrics by name.
    """

    slice_name: str
    shown: int | None
    strategy: str
    users: int
    ndcg: float
    ndcg_interval: tuple[float, float]
    recall: float
    recall_interval: tuple[float, float]
    coverage: float
    new_share: float | None = None
    target_share: float | None = None
    metrics: Mapping[str, MetricValue] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        slice_name: str,
        shown: int | None,
        strategy: str,
        folds: Sequence[Measured],
        sizes: Sequence[int],
        *,
        metrics: Collection[str] = (),
    ) -> Row:
        """From the folds' measurements; ``sizes``: how many items each could rank; ``metrics``: those to report."""
        users = np.concatenate([m.users for m in folds])
        ndcg, recall = (np.concatenate([getattr(m, name) for m in folds]) for name in ("ndcg", "recall"))

        def mean(name: str) -> float | None:
            value = float(np.mean([getattr(m, name) for m in folds]))
            return None if math.isnan(value) else value

        return cls(
            slice_name,
            shown,
            strategy,
            len(np.unique(users)),
            float(ndcg.mean()),
            interval(ndcg, users),
            float(recall.mean()),
            interval(recall, users),
            float(np.mean([len(m.shown) / max(1, size) for m, size in zip(folds, sizes, strict=True)])),
            mean("new_share"),
            mean("target_share"),
            {name: MetricValue.of(np.concatenate([m.metrics[name] for m in folds]), users) for name in metrics},
        )


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """Everything an evaluation found.

    ``losses``: training curves of one refit, ``component.curve`` → a number an epoch. ``errors``: RMSE and MAE by
    component: the later half of the values of each fit's validation users, predicted from the earlier half by what was
    learnt on the others; means over fits. ``weights``: what the ranker of one fit says of itself, for plots.
    ``importances``: of attributes, by the first fold of each protocol. ``described``: what components say of their
    weights (:class:`firstlight.roles.Describes`), and ``space`` where the items lie, of one fit. ``seconds``: of all
    fits and questions. ``metrics``: whether higher is better, by the name of a plugin's metric; ``failed_metrics``: why
    those that failed were left out.
    """

    protocols: tuple[str, ...]
    folds: int
    preset: str
    seed: int
    positive_value: float
    rows: tuple[Row, ...]
    losses: Mapping[str, Sequence[float]] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, Any] = field(default_factory=dict)
    importances: tuple[Importance, ...] = ()
    described: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    space: ItemSpace | None = None
    seconds: float = 0.0
    metrics: Mapping[str, bool] = field(default_factory=dict)
    failed_metrics: Mapping[str, str] = field(default_factory=dict)

    def row(self, slice_name: str, strategy: str, shown: int | None = None) -> Row | None:
        """The one row of a strategy in a slice."""
        wanted = (slice_name, shown, strategy)
        return next((r for r in self.rows if (r.slice_name, r.shown, r.strategy) == wanted), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values without NaN."""
        return asdict(self)

"""A generator, a reranker, a filter, a metric and a reader with faults."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from firstlight import Candidates, FitOptions, Histories, Metrics, Queries, Reason, Runtime, Scores, TrainingData
from firstlight_bad.faults import Fault, break_down

NO_ITEM = 10**6
NUMBERS = {"nan": np.nan, "inf": np.inf}


class BadSettings(BaseModel):
    """``fault``: what goes wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: Fault = "none"


class Bad:
    """Base of what follows."""

    def __init__(self, settings: BadSettings) -> None:
        self.fault = settings.fault


class BadGenerator(Bad):
    """Proposes the items with the highest position."""

    requires: Sequence[str] = ()

    def fit(self, data: TrainingData, options: FitOptions) -> Metrics:
        """Nothing is learnt."""
        self.items = data.items
        return {}

    def export(self, directory: Path) -> None:
        """Nothing was learnt."""
        (directory / "nothing.json").write_text(json.dumps({}), "utf-8")

    def load(self, directory: Path, runtime: Runtime) -> None:
        """Nothing was learnt."""
        self.items = runtime.items

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """The position, or a fault."""
        fault = break_down("generator", self.fault)
        known = positions >= 0
        values = np.where(known, positions, 0).astype(np.float32)
        if fault in NUMBERS and values.size:
            values[:, 0] = NUMBERS[fault]
        return Scores(values[:, 1:], known) if fault == "shape" else Scores(values, known)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        """The last ones first, or a fault."""
        fault = break_down("generator", self.fault)
        last = np.arange(self.items.size, dtype=np.int32)[::-1][:limit]
        positions = np.tile(last, (len(queries), 1))
        scores = positions.astype(np.float32)
        if fault == "shape":
            positions = positions[0]
        if fault == "unknown":
            positions = positions + NO_ITEM
        if fault in NUMBERS:
            scores = np.full_like(scores, NUMBERS[fault])
        return Candidates(positions, scores)

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """No reason."""
        break_down("generator", self.fault)
        return [[None] * positions.shape[1] for _ in range(len(positions))]


class BadReranker(Bad):
    """Leaves the order as it is."""

    def rerank(self, queries: Queries, positions: NDArray[np.int32], values: NDArray[np.float32]) -> NDArray[np.int64]:
        """The same order, or a fault."""
        fault = break_down("reranker", self.fault)
        order = np.tile(np.arange(positions.shape[1]), (len(positions), 1))
        if fault in NUMBERS:
            return np.full(order.shape, NUMBERS[fault])
        return {"shape": order[:, 1:], "unknown": order + NO_ITEM}.get(fault, order)


class BadFilter(Bad):
    """Hides nothing."""

    def allow(self, queries: Queries, positions: NDArray[np.int32]) -> NDArray[np.bool_]:
        """True everywhere, or a fault."""
        fault = break_down("filter", self.fault)
        allowed = np.ones(positions.shape, np.bool_)
        if fault in NUMBERS:
            return np.full(positions.shape, NUMBERS[fault])
        return allowed[:, 1:] if fault in ("shape", "unknown") else allowed


class BadMetric(Bad):
    """0 for every list."""

    higher_is_better = True

    def measure(self, lists: NDArray[np.int32], targets: Histories, counts: NDArray[np.int32]) -> NDArray[np.float64]:
        """Zeros, or a fault."""
        fault = break_down("metric", self.fault)
        values = np.full(len(lists), NUMBERS.get(fault, 0.0))
        return np.zeros((2, 2)) if fault in ("shape", "unknown") else values


class BadReader(Bad):
    """Reads two rows, whatever is in the file."""

    suffixes = (".bad",)

    def read(self, path: Path) -> Mapping[str, Sequence[Any]]:
        """Two rows, or a fault."""
        fault = break_down("reader", self.fault)
        users = ["1"] if fault in ("shape", "unknown") else ["1", "2"]
        return {"user_id": users, "item_id": ["10", "11"], "rating": [NUMBERS.get(fault, 5.0)] * 2}

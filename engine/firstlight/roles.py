"""The roles a component can take. A component is any object with these methods; no base class is needed.

Shapes: B queries, C candidates, L proposals, N bundle items, M live items, P profile columns, S components.

Life of a component: the registered factory makes it from its settings; then either ``fit`` (after which it can
score at once) and ``export``, or ``load``. Scores after ``export`` and ``load`` equal those after ``fit`` within 1e-5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import (
    Candidates,
    ItemTable,
    Metrics,
    Queries,
    Ranked,
    RankingExamples,
    RankingInputs,
    Reason,
    Scenario,
    Scores,
    TrainingData,
)

Progress = Callable[[str, float], None]
"""``progress(stage, share)``: ``share`` of the stage done, 0 to 1. May raise to cancel the run."""


def no_progress(stage: str, share: float) -> None:
    """A :data:`Progress` that tells nobody."""


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How to train. ``preset``: small, base or large; ``device``: cpu or cuda; ``time_budget_s`` bounds this fit.

    ``components`` holds the fitted components named in the fitted component's ``requires``.
    """

    seed: int = 0
    preset: str = "small"
    device: str = "cpu"
    time_budget_s: float | None = None
    progress: Progress = no_progress
    components: Mapping[str, Component] = field(default_factory=dict)


class Runner(Protocol):
    """A model that maps named arrays to named arrays: an onnxruntime session, or a torch module after ``fit``."""

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.float32]]:
        """All outputs by name."""
        ...


class VectorIndex(Protocol):
    """Maximum inner product search over the bundle's N vectors."""

    def search(self, queries: NDArray[np.float32], limit: int) -> Candidates:
        """The ``limit`` best of N for each of (B, D) queries."""
        ...


class Runtime(Protocol):
    """What a serving process offers a component that loads."""

    @property
    def items(self) -> ItemTable:
        """The bundle's items, live ones included."""
        ...

    @property
    def components(self) -> Mapping[str, Component]:
        """Components already loaded: at least those in ``requires``."""
        ...

    def session(self, path: Path) -> Runner:
        """An onnxruntime session on CUDA where there is a device, else on CPU."""
        ...

    def array(self, path: Path) -> NDArray[np.generic]:
        """A read-only memory-mapped ``.npy``."""
        ...

    def index(self, vectors: NDArray[np.float32]) -> VectorIndex:
        """An inner-product index over ``vectors`` (N, D)."""
        ...


@runtime_checkable
class Component(Protocol):
    """Scores candidates. Everything that takes part in the fusion is one of these."""

    requires: Sequence[str]
    """Names of components that must be fitted or loaded before this one."""

    def fit(self, data: TrainingData, options: FitOptions) -> Metrics:
        """Learn from ``data``; returns training metrics by name. Deterministic for one seed and thread count."""
        ...

    def export(self, directory: Path) -> None:
        """Write what ``load`` needs into an empty directory: arrays, JSON, ONNX; never a pickle."""
        ...

    def load(self, directory: Path, runtime: Runtime) -> None:
        """Inverse of :meth:`export`. Must not import torch."""
        ...

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Score ``positions`` (B, C), padded with −1. ``known`` false = nothing to say; NaN is a fault."""
        ...

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """B lists of C reasons, each true for this component's score of that item; None where it has none."""
        ...


@runtime_checkable
class CandidateGenerator(Component, Protocol):
    """A component that also proposes items."""

    def generate(self, queries: Queries, limit: int) -> Candidates:
        """Up to ``limit`` items per query, live items included, best first. ``limit`` 0 gives (B, 0)."""
        ...


@runtime_checkable
class ColdStartStrategy(CandidateGenerator, Protocol):
    """A generator that answers where little is known."""

    scenarios: frozenset[Scenario]

    def embed_items(self, content: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors (M, D) for items known by ``content`` (M, C) alone."""
        ...


@runtime_checkable
class ItemVectors(Protocol):
    """Optional for a component: what it has learnt about which items are alike, for lists of similar items."""

    def item_vectors(self, positions: NDArray[np.int32]) -> NDArray[np.float32]:
        """Vectors (n, D) of ``positions`` (n,), live items included; alike items point the same way."""
        ...


@runtime_checkable
class Ranker(Protocol):
    """Fuses the components' scores."""

    def fit(self, examples: Sequence[RankingExamples], *, seed: int, progress: Progress = no_progress) -> Metrics:
        """Learn from cross-fitted examples."""
        ...

    def export(self, directory: Path) -> None:
        """Write what :meth:`load` needs into an empty directory."""
        ...

    def load(self, directory: Path) -> None:
        """Inverse of :meth:`export`."""
        ...

    def rank(self, inputs: RankingInputs) -> Ranked:
        """Fused values and what each component contributed to them."""
        ...


@runtime_checkable
class Reranker(Protocol):
    """Reorders a ranked list: diversity, boosts, caps."""

    def rerank(self, queries: Queries, positions: NDArray[np.int32], values: NDArray[np.float32]) -> NDArray[np.int64]:
        """The new order of each row, int64 (B, C): a permutation of its columns."""
        ...


@runtime_checkable
class CandidateFilter(Protocol):
    """Says which candidates may be shown; applied before the cut, so that lists stay full."""

    def allow(self, queries: Queries, positions: NDArray[np.int32]) -> NDArray[np.bool_]:
        """bool (B, C)."""
        ...


ROLES: Mapping[str, type] = {
    "candidate_generator": CandidateGenerator,
    "cold_start_strategy": ColdStartStrategy,
    "ranker": Ranker,
    "reranker": Reranker,
    "candidate_filter": CandidateFilter,
}
"""Every role a plugin can register for, by the name in its hook ``firstlight_register_<role>``."""

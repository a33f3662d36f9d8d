"""The roles a component can take. A component is any object with these methods; no base class is needed.

Shapes: B queries, C candidates, K list places, L proposals, N bundle items, M live items, P profile columns,
S components, W an encoder's columns.

Life of a component: the registered factory makes it from its settings; then either ``fit`` (after which it can
score at once) and ``export``, or ``load``. Scores after ``export`` and ``load`` equal those after ``fit`` within 1e-5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import (
    Attribute,
    Attributes,
    Candidates,
    Histories,
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


class Source(Protocol):
    """A bundle of another catalogue, with other items and users, that a component may start from."""

    def component(self, name: str) -> Path:
        """The folder that the component ``name`` exported there. Raises PreconditionError where it did not."""
        ...

    def content(self, attributes: Sequence[Attributes]) -> NDArray[np.float32]:
        """Items as the source's encoders see them, float32 (n, C'): its content columns, zeros for what is unknown."""
        ...

    def profiles(self, attributes: Sequence[Attributes]) -> NDArray[np.float32]:
        """Users as the source's encoders see them, float32 (n, P')."""
        ...

    @property
    def carried(self) -> Sequence[str]:
        """Names of the components that start from the source."""
        ...

    @property
    def metrics(self) -> Mapping[str, float]:
        """What was measured in the source, such as ``ndcg new-user k=3 popularity``: slice, then component."""
        ...


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How to train. ``preset``: small, base or large; ``device``: cpu or cuda; ``time_budget_s`` bounds this fit.

    ``components`` holds the fitted components named in the fitted component's ``requires``; ``source``: what another
    catalogue knows, None for nothing.
    """

    seed: int = 0
    preset: str = "small"
    device: str = "cpu"
    time_budget_s: float | None = None
    progress: Progress = no_progress
    components: Mapping[str, Component] = field(default_factory=dict)
    source: Source | None = None


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
class Describes(Protocol):
    """Optional for a component that is linear: the weights it learnt, for the report."""

    def describe(self) -> Mapping[str, Mapping[str, float]]:
        """Tables by title: a number by name, such as ``genre=comedy``."""
        ...


@runtime_checkable
class LearnsFrom(Protocol):
    """Optional for a component: it learns from others, and serves without them."""

    learns_from: Sequence[str]
    """Names of components that are fitted before this one where they are there: ``FitOptions.components``."""


@runtime_checkable
class ItemVectors(Protocol):
    """Optional for a component: what it has learnt about which items are alike, for lists of similar items."""

    def item_vectors(self, positions: NDArray[np.int32]) -> NDArray[np.float32]:
        """Vectors (n, D) of ``positions`` (n,), live items included; alike items point the same way."""
        ...


@runtime_checkable
class FoldsInItems(Protocol):
    """Optional for a component: whom a live item has met counts as it comes, without training.

    Both are called where items change, never on the way to an answer; :meth:`move_item` by one thread at a time, while
    others ask for scores.
    """

    def user_leanings(self, queries: Queries) -> NDArray[np.float32]:
        """What :meth:`move_item` needs to know of B users, float32 (B, d), finite."""
        ...

    def move_item(self, position: int, leanings: NDArray[np.float32], positive: NDArray[np.bool_]) -> None:
        """From now on the live item at ``position`` is where its content and n users put it, by ``leanings`` (n, d).

        Those do not know of this item. ``positive`` (n,): whether they liked it. Whatever was said of the item before
        is replaced; n = 0, with leanings (0, 0), leaves its content alone.
        """
        ...


@runtime_checkable
class UsesItems(Protocol):
    """Optional for a reranker or a candidate filter: it wants to know what the items are."""

    def use_items(self, items: ItemTable, content_names: tuple[str, ...]) -> None:
        """Called once, before any request. ``items``: the bundle's, live ones included as they come.

        ``content_names``: a name a content column, such as ``genre=comedy``; its value is 1 where that holds.
        """
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
class StartsFromSource(Protocol):
    """Optional for a ranker: it may use what another catalogue's bundle has shown of components."""

    def start_from(self, source: Source) -> None:
        """Told before ``fit``, where a training run has a source."""
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


@runtime_checkable
class FeatureEncoder(Protocol):
    """Turns raw attributes of users or of items into columns, which follow the built-in ones.

    It is made and fitted anew in every fit, cross-fits included, on what that fit may see. What it learns is kept in
    the bundle. Several threads may ask for ``encode``.

    A row holds those attributes of the schema that are known, each value as its kind wants it: str, float, datetime or
    a tuple; ids and ignored attributes are as they were stored. Missing and unknown values are normal and encode as
    zeros. Profile columns should be 1 where something holds and 0 where not, as the built-in ones are.
    """

    @property
    def side(self) -> Literal["users", "items"]:
        """Whose attributes it reads: users' become profile columns, items' content columns. Known when it is made."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """A name a column, ``field=label``; () before ``fit`` or ``load``, and after them where it adds nothing."""
        ...

    @property
    def fields(self) -> tuple[str, ...]:
        """The attribute that each of ``names`` belongs to; a profile attribute counts as known where one is above 0."""
        ...

    def fit(self, schema: Sequence[Attribute], rows: Sequence[Attributes], *, seed: int) -> None:
        """Learn from ``rows`` of users, or of items somebody interacted with. Deterministic by seed.

        ``schema``: the attributes of its side. Its columns and the built-in ones share 256 profile columns and 512
        content columns; categories get what is left.
        """
        ...

    def encode(self, rows: Sequence[Attributes]) -> NDArray[np.float32]:
        """float32 (n, W), finite; a row's columns do not depend on the other rows. No rows give (0, W)."""
        ...

    def export(self, directory: Path) -> None:
        """Write what ``load`` needs into an empty directory: arrays, JSON, ONNX; never a pickle."""
        ...

    def load(self, directory: Path) -> None:
        """Inverse of :meth:`export`. Must not import torch."""
        ...


@runtime_checkable
class Metric(Protocol):
    """A number that ``firstlight evaluate`` reports for every strategy and slice, beside NDCG@10 and recall@20."""

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is better."""
        ...

    def measure(self, lists: NDArray[np.int32], targets: Histories, counts: NDArray[np.int32]) -> NDArray[np.float64]:
        """The value of each list, float64 (B,), finite; NaN where the question does not arise for a list.

        ``lists`` int32 (B, K): positions, best first, padded with −1 at the end; K is 20. ``targets``: B rows of what
        was to be found, each item once. ``counts`` int32 (N,): training interactions of each item, 0 for new ones.
        """
        ...


@runtime_checkable
class DatasetReader(Protocol):
    """Reads files of one more format for ``firstlight import``."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of the file names it reads, lower case with their dot: ``(".avro",)``. Built-in ones are taken."""
        ...

    def read(self, path: Path) -> Mapping[str, Sequence[Any]]:
        """Columns of equal length by name: row n is entry n of each.

        An entry is None (nothing there), str, int, float, bool, a datetime (in UTC where it has no zone), or a list of
        str or of float. It may raise anything: the import then ends, names reader and file, and writes nothing.
        """
        ...


@runtime_checkable
class CliCommand(Protocol):
    """A command of ``firstlight``: a function with parameters annotated for Typer, or a ``typer.Typer`` of several.

    It is registered as it is, not a factory of it: ``register("hello", hello)`` adds ``firstlight hello``.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run. What it raises becomes an exit code and one line, as with built-in commands."""
        ...


ROLES: Mapping[str, type] = {
    "candidate_generator": CandidateGenerator,
    "cold_start_strategy": ColdStartStrategy,
    "ranker": Ranker,
    "reranker": Reranker,
    "candidate_filter": CandidateFilter,
    "feature_encoder": FeatureEncoder,
    "metric": Metric,
    "dataset_reader": DatasetReader,
    "cli_command": CliCommand,
}
"""Every role a plugin can register for, by the name in its hook ``firstlight_register_<role>``."""

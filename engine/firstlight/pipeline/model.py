"""The numpy core shared by serving, cross-fitting and evaluation: generate, score, fuse; positions in and out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Evidence, ItemTable, Queries, Ranked, RankingInputs, Remembered
from firstlight.errors import PluginError
from firstlight.plugins import Attempt
from firstlight.roles import CandidateGenerator, Component, Ranker

FLOOR = "popularity"
"""The component that always answers; first in every list of components."""

PER_GENERATOR = 200
"""Items each generator proposes for a query unless more are needed."""

NEW_ITEMS = 500
"""Items nobody has met yet that every query is scored for, the newest ones: no generator's list would hold them."""

_PAD = np.uint32(2**32 - 1)
"""−1 read as an unsigned number: it comes last."""

T = TypeVar("T")


def attempt_quietly(_component: str, _operation: str, function: Callable[[], T], /) -> T | None:
    """An :class:`Attempt` that leaves out whatever fails and tells nobody."""
    try:
        return function()
    except Exception:  # whatever a plugin raises, the others answer
        return None


@dataclass(frozen=True)
class Model:
    """Components, in memory after ``fit`` or loaded from a bundle, and the ranker that fuses them.

    ``components`` are kept with popularity first, then by name; ``profile_fields`` (P,) as in ``TrainingData``.
    Without a ranker the order is popularity's. ``proposing``: the generators that propose, None for all of them; the
    others only score.
    """

    items: ItemTable
    components: Mapping[str, Component]
    ranker: Ranker | None = None
    positive_value: float = 4.0
    profile_fields: tuple[str, ...] = ()
    ranker_name: str = "fusion"
    proposing: Collection[str] | None = None
    names: tuple[str, ...] = field(init=False)
    generators: Mapping[str, CandidateGenerator] = field(init=False)
    cold_base: NDArray[np.int32] = field(init=False, repr=False)
    evidence: Callable[[Queries], Evidence] = field(init=False, repr=False)
    """How much is known in each query."""

    def __post_init__(self) -> None:
        names = tuple(sorted(self.components, key=lambda name: (name != FLOOR, name)))
        components = {name: self.components[name] for name in names}
        proposing = names if self.proposing is None else (FLOOR, *self.proposing)
        generators = {n: c for n, c in components.items() if isinstance(c, CandidateGenerator) and n in proposing}
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "components", components)
        object.__setattr__(self, "generators", generators)
        weigh = partial(Evidence.of, positive_value=self.positive_value, profile_fields=self.profile_fields)
        object.__setattr__(self, "evidence", Remembered(weigh, self.items))
        object.__setattr__(self, "cold_base", np.flatnonzero(self.items.base_counts == 0)[-NEW_ITEMS:].astype(np.int32))

    def of(
        self, names: Collection[str], ranker: Ranker | None = None, *, generators: Collection[str] | None = None
    ) -> Model:
        """The components ``names`` alone, under ``ranker``; of ``generators`` those that are among them propose."""
        components = {name: component for name, component in self.components.items() if name in names}
        part = replace(self, components=components, ranker=ranker, proposing=generators)
        object.__setattr__(part, "evidence", self.evidence)  # weighed once for both
        return part

    def candidates(
        self, queries: Queries, *, per_generator: int = PER_GENERATOR, attempt: Attempt = attempt_quietly
    ) -> NDArray[np.int32]:
        """int32 (B, C): what all generators propose and the newest items, unique and ascending in each row, −1 last."""
        proposed = [self.new_items()[None].repeat(len(queries), axis=0)]
        for name, generator in self.generators.items():
            found = attempt(name, "generate", partial(self._generate, name, generator, queries, per_generator))
            if found is not None:
                proposed.append(found[:, :per_generator])
        return unique_rows(np.concatenate(proposed, axis=1))

    def new_items(self) -> NDArray[np.int32]:
        """int32 (n,), n ≤ 500: the newest items without training interactions; live items are the newest of all."""
        base, size = self.items.base_size, self.items.size
        live = np.arange(max(base, size - NEW_ITEMS), size, dtype=np.int32)
        cold = self.cold_base[max(0, len(self.cold_base) + len(live) - NEW_ITEMS) :]
        return np.concatenate([cold, live])

    def inputs(
        self, queries: Queries, positions: NDArray[np.int32], *, attempt: Attempt = attempt_quietly
    ) -> RankingInputs:
        """Scores of every component for ``positions`` (B, C), padded with −1.

        A component that raises, or answers with a wrong shape or numbers that are not finite, is known nowhere.
        """
        scores = np.zeros((len(self.names), *positions.shape), np.float32)
        known = np.zeros(scores.shape, np.bool_)
        real = positions >= 0
        for s, (name, component) in enumerate(self.components.items()):
            found = attempt(name, "score", partial(_score, name, component, queries, positions, real))
            if found is not None:
                scores[s], known[s] = found
        return RankingInputs(
            names=self.names,
            scores=scores,
            known=known,
            positions=positions,
            counts=self.items.counts(positions),
            evidence=self.evidence(queries),
            novelty=self._novelty(positions),
        )

    def _novelty(self, positions: NDArray[np.int32]) -> NDArray[np.float32] | None:
        of_bundle = np.float32(self.items.novelty)
        return np.where(positions < self.items.base_size, of_bundle, np.float32(1)) if of_bundle < 1 else None

    def fuse(self, inputs: RankingInputs, *, attempt: Attempt = attempt_quietly) -> Ranked:
        """The ranker's values and contributions; popularity's scores where there is no ranker or it fails."""
        ranked = None
        if self.ranker is not None:
            ranked = attempt(self.ranker_name, "rank", partial(_rank, self.ranker_name, self.ranker, inputs))
        return floor(inputs) if ranked is None else ranked

    def rank(self, queries: Queries, positions: NDArray[np.int32], *, attempt: Attempt = attempt_quietly) -> Ranked:
        """:meth:`inputs`, then :meth:`fuse`."""
        return self.fuse(self.inputs(queries, positions, attempt=attempt), attempt=attempt)

    def _generate(
        self, name: str, generator: CandidateGenerator, queries: Queries, per_generator: int
    ) -> NDArray[np.int32]:
        rows, positions = len(queries), np.asarray(generator.generate(queries, per_generator).positions)
        if positions.ndim != 2 or len(positions) != rows or positions.dtype.kind not in "iu":
            raise PluginError(f"component {name!r} proposed {positions.dtype} {positions.shape} for {rows} queries")
        if positions.size and (positions.min() < -1 or positions.max() >= self.items.size):
            raise PluginError(f"component {name!r} proposed a position that is no item")
        return positions.astype(np.int32, copy=False)


def floor(inputs: RankingInputs) -> Ranked:
    """Ranked by the first component, popularity, alone."""
    real = inputs.positions >= 0
    contributions = np.zeros_like(inputs.scores)
    contributions[:1] = np.where(real, inputs.scores[:1], 0)
    values = np.where(real, contributions.sum(axis=0), -np.inf).astype(np.float32)
    return Ranked(values, contributions)


def unique_rows(positions: NDArray[np.int32]) -> NDArray[np.int32]:
    """Each row of ``positions`` (B, L) without duplicates, ascending, −1 last; as narrow as the longest row allows."""
    rows = np.sort(positions.view(np.uint32), axis=1)
    rows[:, 1:][rows[:, 1:] == rows[:, :-1]] = _PAD
    return _packed(rows)


def kept_rows(positions: NDArray[np.int32], kept: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Each row of ``positions`` (B, L) where ``kept`` (B, L); packed as :func:`unique_rows` does."""
    return _packed(np.where(kept, positions.view(np.uint32), _PAD))


def _packed(rows: NDArray[np.uint32]) -> NDArray[np.int32]:
    rows.sort(axis=1)
    width = np.count_nonzero(rows != _PAD, axis=1).max(initial=0)
    return np.ascontiguousarray(rows[:, :width]).view(np.int32)


def _score(
    name: str, component: Component, queries: Queries, positions: NDArray[np.int32], real: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Values and where they are known, (B, C) each: at most where ``real``, and 0 elsewhere."""
    found = component.score(queries, positions)
    values, known = np.asarray(found.values), np.asarray(found.known)
    if values.shape != positions.shape or known.shape != positions.shape:
        raise PluginError(f"component {name!r} answered {values.shape} and {known.shape}, not {positions.shape}")
    known = np.logical_and(known, real)
    values = np.where(known, values, np.float32(0))
    if values.dtype != np.float32:
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise PluginError(f"component {name!r} answered a score that is not a finite number")
    return values, known


def _rank(name: str, ranker: Ranker, inputs: RankingInputs) -> Ranked:
    found = ranker.rank(inputs)
    shape = inputs.positions.shape
    if found.values.shape != shape or found.contributions.shape != inputs.scores.shape:
        raise PluginError(f"ranker {name!r} answered {found.values.shape}, not {shape}")
    padding = inputs.positions < 0
    finite = np.isfinite(found.values) & np.isfinite(found.contributions).all(axis=0)
    if not (finite | padding).all():
        raise PluginError(f"ranker {name!r} answered a value that is not a finite number")
    values = np.where(padding, np.float32(-np.inf), found.values).astype(np.float32, copy=False)
    return Ranked(values, found.contributions)

"""The vector indexes of a large bundle: built when it is written, and measured by what its components ask of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Candidates, ItemTable, Queries
from firstlight.pipeline.loading import ComponentSettings
from firstlight.pipeline.requirements import in_order
from firstlight.plugins import Plugins
from firstlight.roles import CandidateGenerator, Component, VectorIndex
from firstlight.runtime import EXACT_LIMIT, MEASURED, BundleRuntime, FaissIndex, index_file

SAMPLE = 128
"""Queries by which an index is measured."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Indexing:
    """Builds what the components of a bundle with ``items`` will ask :meth:`firstlight.roles.Runtime.index` for.

    ``queries``: of real users, whose search says how many clusters have to be searched for the recall.
    """

    items: ItemTable
    queries: Queries
    plugins: Plugins
    settings: ComponentSettings = field(default_factory=dict)

    def __call__(self, folder: Path, names: Iterable[str]) -> dict[str, float]:
        """For each component in ``folder``; recall and probes as metrics. Nothing where every vector is compared."""
        measured: dict[str, float] = {}
        if self.items.base_size <= EXACT_LIMIT:
            return measured
        create = self.plugins.registrations
        created = {name: create[name].create(self.settings.get(name)) for name in names if name in create}
        loaded: dict[str, Component] = {}
        for name in in_order(created):
            runtime = _Recording(self.items, loaded)
            created[name].load(folder / name, runtime)
            loaded[name] = created[name]
            if runtime.wanted and isinstance(created[name], CandidateGenerator):
                created[name].generate(self.queries, MEASURED)
            for number, wanted in enumerate(runtime.wanted):
                probes, recall = wanted.build(index_file(folder / name, number))
                log.info("component %s: index %d finds %.3f in %d clusters", name, number, recall, probes)
                measured[f"{name}.index {number} recall@{MEASURED}"] = recall
                measured[f"{name}.index {number} probes"] = float(probes)
        return measured


class _Wanted:
    """An exact index that remembers what it was asked."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self._vectors = vectors
        self._exact = FaissIndex.exact(vectors)
        self._asked = np.zeros((0, vectors.shape[1]), np.float32)

    def search(self, queries: NDArray[np.float32], limit: int) -> Candidates:
        """A :class:`firstlight.roles.VectorIndex`."""
        self._asked = queries
        return self._exact.search(queries, limit)

    def build(self, path: Path) -> tuple[int, float]:
        """Write the index that will be served; how many clusters it searches and what that finds."""
        index = FaissIndex.clustered(self._vectors)
        found = index.probe(self._asked, self._exact.search(self._asked, MEASURED).positions)
        index.save(path)
        return found


@dataclass(frozen=True, slots=True)
class _Recording(BundleRuntime):
    """The runtime of a component whose indexes are yet to be built."""

    wanted: list[_Wanted] = field(default_factory=list)

    def index(self, vectors: NDArray[np.float32]) -> VectorIndex:
        """One that will be built."""
        self.wanted.append(_Wanted(vectors))
        return self.wanted[-1]


def sample(queries: Queries) -> Queries:
    """At most 128 of ``queries``, evenly spaced."""
    rows = np.unique(np.linspace(0, len(queries) - 1, min(SAMPLE, len(queries))).astype(np.int64))
    return queries.take(rows)

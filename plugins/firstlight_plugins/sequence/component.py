"""The component that serves: tables, gathers and inner products in numpy; the encoder behind a ``Runner``."""

from __future__ import annotations

import collections.abc
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight import (
    Candidates,
    FitOptions,
    ItemTable,
    Metrics,
    Queries,
    Reason,
    Remembered,
    Runner,
    Runtime,
    Scenario,
    Scores,
    TrainingData,
    VectorIndex,
    rows_of,
)
from firstlight_plugins.sequence.config import SequenceConfig
from firstlight_plugins.sequence.explain import Occlusion
from firstlight_plugins.sequence.search import ExactSearch
from firstlight_plugins.sequence.tables import LiveRows, Tables
from firstlight_plugins.sequence.tokens import Scaling, tokenise

PRIOR = "popularity"
DENSE_LIMIT = 50_000
"""Up to this many items ``generate`` scores all of them."""


class Sequence:
    """Score of item i = popularity prior + state · vᵢ; the state is 0-like without history and grows with it.

    Every item is known: live items and items without interactions are scored by their content.
    """

    requires: collections.abc.Sequence[str] = (PRIOR,)
    scenarios = frozenset({Scenario.NEW_USER, Scenario.FEW_SHOT, Scenario.WARM, Scenario.NEW_ITEM})

    def __init__(self, config: SequenceConfig | None = None) -> None:
        self.config = config or SequenceConfig()

    def fit(self, data: TrainingData, options: FitOptions) -> Metrics:
        """Train on ``options.device``; on the CPU where that runs out of memory."""
        from firstlight_plugins.sequence.training import learn  # noqa: PLC0415  # torch, only where training happens

        prior: Any = options.components[PRIOR]
        learnt = learn(data, prior, self.config, options)
        self._start(
            items=data.items,
            prior=prior,
            encoder=learnt.encoder,
            tables=learnt.tables,
            scaling=learnt.scaling,
            profile_names=data.profile_names,
        )
        self._max_history = self.config.max_history
        self._index: VectorIndex = ExactSearch(learnt.tables.vectors)
        return learnt.metrics

    def export(self, directory: Path) -> None:
        """``encoder.onnx``, the four tables as ``.npy``, ``sequence.json``."""
        from firstlight_plugins.sequence.exporting import export  # noqa: PLC0415  # torch, only where training happens

        export(
            self._encoder,
            directory / "encoder.onnx",
            width=self._tables.width,
            features=self._scaling.features,
            profile_columns=len(self._profile_names),
            types=self._scaling.types,
        )
        self._tables.save(directory)
        state = {"scaling": self._scaling.to_json(), "profile": self._profile_names, "max_history": self._max_history}
        (directory / "sequence.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    def load(self, directory: Path, runtime: Runtime) -> None:
        """Map the tables and open the graph."""
        state = json.loads((directory / "sequence.json").read_text(encoding="utf-8"))
        self._start(
            items=runtime.items,
            prior=runtime.components[PRIOR],
            encoder=runtime.session(directory / "encoder.onnx"),
            tables=Tables.load(directory, runtime),
            scaling=Scaling(**state["scaling"]),
            profile_names=tuple(state["profile"]),
        )
        self._max_history = int(state["max_history"])
        if self._items.base_size > DENSE_LIMIT:
            self._index = runtime.index(self._tables.vectors)

    def states(self, queries: Queries) -> NDArray[np.float32]:
        """float32 (B, d): what the queries' users are like; an empty history has a state too."""
        return self._states(queries)

    def encode(self, queries: Queries) -> NDArray[np.float32]:
        """The same, for queries that are asked about once: nothing is remembered."""
        tokens = tokenise(queries.histories, self._scaling, limit=self._max_history)
        if not len(queries):
            return np.zeros((0, self._tables.width), np.float32)
        inputs: dict[str, NDArray[np.generic]] = {
            "codes": rows_of(self._tables.codes, self._live().codes, tokens.items),
            "features": tokens.features,
            "types": tokens.types,
            "mask": tokens.mask,
            "profile": queries.profiles.astype(np.float32, copy=False),
        }
        return self._encoder.run(inputs)["state"]

    def residuals(self, states: NDArray[np.float32], positions: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 (B, C): what states (B, d) add to the prior of ``positions`` (B, C); 0 for padding."""
        live = self._live().vectors
        out = np.zeros(positions.shape, np.float32)
        for row, (state, items) in enumerate(zip(states, positions, strict=True)):
            out[row] = rows_of(self._tables.vectors, live, items) @ state
        return out

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Known for every item; padding gives value 0, known False."""
        prior = self._prior.score(queries, positions).values
        known = positions >= 0
        return Scores(np.where(known, prior + self.residuals(self.states(queries), positions), 0), known)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        """The highest scores; above 50,000 items what is nearest to the state: the rest is what the prior proposes."""
        base = self._items.base_size
        states, live = self.states(queries), self._live().vectors
        fresh = np.arange(base, base + len(live), dtype=np.int32)
        if base <= DENSE_LIMIT:
            values = self._prior.offsets(queries.profiles) + states @ self._tables.vectors.T
            if len(fresh):
                newcomers = np.broadcast_to(fresh, (len(queries), len(fresh)))
                added = self._prior.score(queries, newcomers).values + states @ live.T
                values = np.concatenate([values, added], axis=1)
            return Candidates.best(values, limit)
        near = self._index.search(states, limit)
        if not len(fresh):
            return near
        newcomers = np.broadcast_to(fresh, (len(queries), len(fresh)))
        found = np.where(near.positions < 0, -np.inf, near.scores)
        values = np.concatenate([found, states @ live.T], axis=1)
        return Candidates.best(values, limit, positions=np.concatenate([near.positions, newcomers], axis=1))

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """By leaving out: the history item, else the profile value, without which the item would score lower most."""
        return Occlusion(self, self._prior, self._profile_names, self._scaling.positive_value).explain(
            queries, positions
        )

    def item_vectors(self, positions: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 (..., d) of ``positions``: what states meet; two items near each other please the same users."""
        return rows_of(self._tables.vectors, self._live().vectors, positions)

    def embed_items(self, content: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (M, d): vectors of items known by ``content`` (M, C) alone."""
        return content.astype(np.float32, copy=False) @ self._tables.content_vectors

    def _start(
        self,
        *,
        items: ItemTable,
        prior: Any,
        encoder: Runner,
        tables: Tables,
        scaling: Scaling,
        profile_names: tuple[str, ...],
    ) -> None:
        self._items, self._prior = items, prior
        self._encoder, self._tables = encoder, tables
        self._scaling, self._profile_names = scaling, profile_names
        self._live_rows: LiveRows | None = None
        self._states = Remembered(self.encode, items)

    def _live(self) -> LiveRows:
        """Live items' rows, made again when the table's live content is another array."""
        content, live = self._items.live_content, self._live_rows
        if live is None or live.content is not content:
            live = LiveRows.of(content, self._tables)
            self._live_rows = live
        return live

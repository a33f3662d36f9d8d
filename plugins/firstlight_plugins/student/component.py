"""The component that serves: gathers and inner products in numpy, a small graph between them."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
)
from firstlight_plugins.student.encoding import arrange, together
from firstlight_plugins.student.explain import Occlusion
from firstlight_plugins.student.search import ExactSearch
from firstlight_plugins.student.settings import StudentSettings
from firstlight_plugins.student.tables import KINDS, Table, load, save, whole

PRIOR = "popularity"
DENSE_LIMIT = 50_000
"""Up to this many items ``generate`` scores all of them."""

TOGETHER = 64
"""Queries whose candidates' codes are gathered at once."""


class Student:
    """Score of item i = popularity prior + state · xᵢ, with one code xᵢ for an item shown and an item asked about.

    Every item is known: live items and items without interactions are scored by their content.
    """

    requires: Sequence[str] = (PRIOR,)
    scenarios = frozenset({Scenario.NEW_USER, Scenario.FEW_SHOT, Scenario.WARM, Scenario.NEW_ITEM})

    def __init__(self, settings: StudentSettings | None = None) -> None:
        self.settings = settings or StudentSettings()
        self._graph: bytes | None = None
        self.learns_from: Sequence[str] = self.settings.teachers

    def fit(self, data: TrainingData, options: FitOptions) -> Metrics:
        """Learn from the teachers that are there; on the CPU where ``options.device`` runs out of memory."""
        from firstlight_plugins.student.exporting import quantised  # noqa: PLC0415  # torch, only where training happens
        from firstlight_plugins.student.training import learn  # noqa: PLC0415

        names = dict.fromkeys((PRIOR, *self.learns_from))
        components = {name: options.components[name] for name in names if name in options.components}
        learnt = learn(data, components, self.settings, options)
        kind = KINDS[self.settings.variant]
        self._profile_names, self._positive_value = data.profile_names, data.dataset.schema.positive_value
        self._types, self._max_history = max(1, len(data.dataset.schema.types)), self.settings.max_history
        encoder: Runner = learnt.encoder
        if self.settings.variant == "int8":
            encoder, self._graph = quantised(learnt.encoder, learnt.examples, **self._shape())
        tables = (kind.of(table, self.settings.kept) for table in (learnt.codes, learnt.content))
        self._start(data.items, components[PRIOR], encoder, *tables)
        self._index: VectorIndex = ExactSearch(self._table)
        return learnt.metrics

    def export(self, directory: Path) -> None:
        """``encoder.onnx``, the tables of codes as ``.npy``, ``student.json``."""
        from firstlight_plugins.student.exporting import export  # noqa: PLC0415  # torch, only where training happens

        if self._graph is not None:
            (directory / "encoder.onnx").write_bytes(self._graph)
        else:
            export(self._encoder, directory / "encoder.onnx", **self._shape())
        save(self._table, directory, "items")
        save(self._content, directory, "content")
        state = {
            "variant": self.settings.variant,
            "profile": self._profile_names,
            "positive_value": self._positive_value,
            "max_history": self._max_history,
            "types": self._types,
        }
        (directory / "student.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    def load(self, directory: Path, runtime: Runtime) -> None:
        """Map the tables and open the graph, of the variant that was trained."""
        state = json.loads((directory / "student.json").read_text(encoding="utf-8"))
        tables = [load(state["variant"], directory, name, runtime) for name in ("items", "content")]
        encoder = runtime.session(directory / "encoder.onnx")
        self._start(runtime.items, runtime.components[PRIOR], encoder, *tables)
        self._profile_names, self._positive_value = tuple(state["profile"]), float(state["positive_value"])
        self._max_history, self._types = int(state["max_history"]), int(state["types"])
        if self._items.base_size > DENSE_LIMIT:
            self._index = runtime.index(whole(self._table))

    def states(self, queries: Queries) -> NDArray[np.float32]:
        """float32 (B, d): what the queries' users are like; an empty history has a state too."""
        return self._states(queries)

    def _encoded(self, queries: Queries) -> NDArray[np.float32]:
        if not len(queries):
            return np.zeros((0, self._width), np.float32)
        histories = queries.histories
        if len(histories.items) > self._max_history:
            histories = histories.newest(self._max_history)
        inputs = arrange(histories, queries.profiles, self._types)
        inputs["codes"] = self.codes(together(histories, histories.items, -1))
        return self._encoder.run(inputs)["state"]

    def codes(self, positions: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 (..., d): codes of ``positions`` (...), live items included; zeros for −1."""
        out = self._table.rows(self._inside(positions))
        if positions.size and (positions.min() < 0 or positions.max() >= len(self._table)):
            out[positions < 0] = 0
            beyond = positions >= len(self._table)
            out[beyond] = self._live_codes()[positions[beyond] - len(self._table)]
        return out

    def residuals(self, states: NDArray[np.float32], positions: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 (B, C): what states (B, d) add to the prior of ``positions`` (B, C); 0 for padding."""
        if len(positions) == 1:
            return self._products(positions[0], states[0])[None]
        out = np.empty(positions.shape, np.float32)
        for start in range(0, len(positions), TOGETHER):  # few enough for their codes to be small
            here = slice(start, start + TOGETHER)
            out[here] = (self.codes(positions[here]) @ states[here, :, None])[..., 0]
        return out

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Known for every item; padding gives value 0, known False."""
        values = self._prior.score(queries, positions).values  # 0 for padding
        return Scores(values + self.residuals(self.states(queries), positions), positions >= 0)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        """The highest scores; above 50,000 items what is nearest to the state: the rest is what the prior proposes."""
        base = self._items.base_size
        states, live = self.states(queries), self._live_codes()
        fresh = np.broadcast_to(np.arange(base, base + len(live), dtype=np.int32), (len(queries), len(live)))
        if base <= DENSE_LIMIT:
            values = self._prior.offsets(queries.profiles) + states @ whole(self._table).T
            if len(live):
                added = self._prior.score(queries, fresh).values + states @ live.T
                values = np.concatenate([values, added], axis=1)
            return Candidates.best(values, limit)
        near = self._index.search(states, limit)
        if not len(live):
            return near
        found = np.where(near.positions < 0, -np.inf, near.scores)
        values = np.concatenate([found, states @ live.T], axis=1)
        return Candidates.best(values, limit, positions=np.concatenate([near.positions, fresh], axis=1))

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """By leaving out: the liked history item without which the item would score lower most, else the prior's."""
        return Occlusion(self, self._prior, self._positive_value).explain(queries, positions)

    def item_vectors(self, positions: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 (n, d): the codes that states meet; two items near each other please the same users."""
        return self.codes(positions)

    def embed_items(self, content: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (M, d): codes of items known by ``content`` (M, C) alone."""
        return content.astype(np.float32, copy=False) @ self._content_codes

    def _start(self, items: ItemTable, prior: Any, encoder: Runner, table: Table, content: Table) -> None:
        self._items, self._prior, self._encoder = items, prior, encoder
        self._table, self._content = table, content
        self._content_codes = whole(content)
        self._width = int(self._content_codes.shape[1])
        self._live: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
        self._states = Remembered(self._encoded, items)

    def _products(self, items: NDArray[np.int32], state: NDArray[np.float32]) -> NDArray[np.float32]:
        if items.max(initial=-1) >= len(self._table):
            return self.codes(items) @ state
        return np.where(items < 0, np.float32(0), self._table.products(self._inside(items), state))

    def _inside(self, positions: NDArray[np.int32]) -> NDArray[np.int32]:
        """``positions`` with some bundle item in place of padding and live items."""
        return np.minimum(np.maximum(positions, 0), len(self._table) - 1)

    def _shape(self) -> dict[str, int]:
        return {"width": self.settings.width, "profile_columns": len(self._profile_names), "types": self._types}

    def _live_codes(self) -> NDArray[np.float32]:
        """Live items' codes, made again when the table's live content is another array."""
        content, live = self._items.live_content, self._live
        if live is None or live[0] is not content:
            live = (content, self.embed_items(content))
            self._live = live
        return live[1]

"""The popularity prior: log share of votes plus lifts of the profile; an inner product, so it serves at any size."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from firstlight import (
    Candidates,
    FitOptions,
    ItemTable,
    Metrics,
    Queries,
    Reason,
    ReasonCode,
    Remembered,
    Runtime,
    Scenario,
    Scores,
    TrainingData,
    products_of,
    rows_of,
)

DENSE_LIMIT = 50_000
POOL, POOL_PER_PLACE = 5_000, 10
NOTABLE_LIFT = 0.02
POPULAR = Reason(ReasonCode.POPULAR)


class PopularitySettings(BaseModel):
    """``half_life_days``: the age at which a vote counts half; unset = age does not matter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    half_life_days: float | None = Field(default=None, gt=0)


class Popularity:
    """Score of item i for profile x: log p(i) + x · lift(i), the logarithm of a share of votes.

    Both parts are shrunk: p towards what the item's content predicts, lifts towards 0. Items without interactions and
    live items are scored from content alone, so every item is known.
    """

    requires: Sequence[str] = ()
    scenarios = frozenset({Scenario.NEW_USER, Scenario.NEW_ITEM})

    def __init__(self, settings: PopularitySettings | None = None) -> None:
        self.settings = settings or PopularitySettings()
        self._live: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def fit(self, data: TrainingData, options: FitOptions) -> Metrics:
        """Count, shrink, and choose how on the validation users."""
        from firstlight_plugins.popularity.training import learn  # noqa: PLC0415  # only training needs it

        learnt = learn(data, half_life_days=self.settings.half_life_days, seed=options.seed)
        self._start(data.items, learnt.items, learnt.content, data.profile_names, data.content_names)
        return learnt.metrics

    def export(self, directory: Path) -> None:
        """``items.npy`` (N, 1 + P), ``content.npy`` (C + 1, 1 + P) and the column names."""
        np.save(directory / "items.npy", self._table, allow_pickle=False)
        np.save(directory / "content.npy", self._content, allow_pickle=False)
        names = {"profile": self._profile_names, "content": self._content_names}
        (directory / "popularity.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")

    def load(self, directory: Path, runtime: Runtime) -> None:
        """Map the exported arrays."""
        names = json.loads((directory / "popularity.json").read_text(encoding="utf-8"))
        self._start(
            runtime.items,
            runtime.array(directory / "items.npy"),  # type: ignore[arg-type]  # float32 by export
            runtime.array(directory / "content.npy"),  # type: ignore[arg-type]
            tuple(names["profile"]),
            tuple(names["content"]),
        )

    def offsets(self, profiles: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of all N bundle items, float32 (B, N), for ``profiles`` (B, P): the prior other models start from."""
        return self._table[:, 0] + profiles @ self._table[:, 1:].T

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Known for every item; padding gives value 0, known False. Other components ask for the same scores again."""
        return self._scores(queries, positions)

    def _scored(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        values = products_of(self._table, self._live_vectors(), positions, _with_one(queries.profiles))
        return Scores(values, positions >= 0)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        """The highest scores; above 50,000 items of the 10 · ``limit`` most popular (≤ 5,000) and live ones."""
        live, profiles = self._live_vectors(), _with_one(queries.profiles)
        among = slice(POOL_PER_PLACE * limit if len(self._table) > DENSE_LIMIT else None)
        pool, values = self._pool[among], profiles @ self._pool_table[among].T
        if len(live):
            pool = np.concatenate([pool, self._items.base_size + np.arange(len(live), dtype=np.int32)])
            values = np.concatenate([values, profiles @ live.T], axis=1)
        return Candidates.best(values, limit, positions=pool)

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """The profile column that lifts an item most, else its popularity; a new item's strongest content column."""
        vectors = rows_of(self._table, self._live_vectors(), positions)
        column, lift = _largest(queries.profiles[:, None, :] * vectors[..., 1:])
        said = np.where(lift >= NOTABLE_LIFT, column, -2)
        said[positions < 0] = -1
        reasons = [[self._reasons[n] for n in row] for row in said.tolist()]
        new = (self._items.counts(positions) == 0) & (positions >= 0)
        if new.any():
            for row, place in np.argwhere(new).tolist():
                reasons[row][place] = self._by_content(int(positions[row, place]))
        return reasons

    def _by_content(self, position: int) -> Reason:
        """The content column that speaks most for an item nobody has met."""
        pull = self._items.content(np.array([position], np.int32))[0] * self._content[:-1, 0] * self._readable
        best = int(pull.argmax()) if len(pull) else -1
        name = self._content_names[best] if best >= 0 and pull[best] > 0 else ""
        return Reason(ReasonCode.MATCHES_CONTENT, attribute=name)

    def embed_items(self, content: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (M, 1 + P): predicted log share and lifts of items known by ``content`` (M, C) alone."""
        return np.asarray(content.astype(np.float32) @ self._content[:-1] + self._content[-1], np.float32)

    def describe(self) -> dict[str, dict[str, float]]:
        """What content columns predict of popularity, and of the lift of each profile column."""
        named = list(enumerate(self._content_names))
        return {
            "popularity from content": {name: float(self._content[c, 0]) for c, name in named},
            "lift from profile × content": {
                f"{profile} × {name}": float(self._content[c, 1 + p])
                for p, profile in enumerate(self._profile_names)
                for c, name in named
            },
        }

    def _start(
        self,
        items: ItemTable,
        table: NDArray[np.float32],
        content: NDArray[np.float32],
        profile_names: tuple[str, ...],
        content_names: tuple[str, ...],
    ) -> None:
        self._items, self._table, self._content = items, table, content
        self._profile_names, self._content_names = profile_names, content_names
        segments = [Reason(ReasonCode.POPULAR_IN_SEGMENT, attribute=name) for name in profile_names]
        self._reasons: list[Reason | None] = [*segments, POPULAR, None]
        self._readable = np.array(["=" in name for name in content_names], np.float32)
        self._pool, self._pool_table = np.arange(len(table), dtype=np.int32), table
        if len(table) > DENSE_LIMIT:
            self._pool = np.argsort(-table[:, 0], kind="stable")[:POOL].astype(np.int32)
            self._pool_table = table[self._pool]
        self._live = None
        self._scores = Remembered(self._scored, items)

    def _live_vectors(self) -> NDArray[np.float32]:
        content = self._items.live_content
        live = self._live
        if live is None or live[0] is not content:
            live = (content, self.embed_items(content))
            self._live = live
        return live[1]


def _with_one(profiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 (B, 1 + P): 1, then the profile: what meets a row of the table."""
    return np.concatenate([np.ones((len(profiles), 1), np.float32), profiles], axis=1, dtype=np.float32)


def _largest(values: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The place of the largest of ``values`` (..., n) along the last axis, and that value; 0 and 0 where n is 0."""
    if not values.shape[-1]:
        return np.zeros(values.shape[:-1], np.int64), np.zeros(values.shape[:-1], np.float32)
    return values.argmax(axis=-1), values.max(axis=-1)

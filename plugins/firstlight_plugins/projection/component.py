"""Scores items by their attributes: an inner product of a user's state and an item's vector."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from firstlight import (
    Candidates,
    FitOptions,
    Histories,
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
    VectorIndex,
    products_of,
    rows_of,
)
from firstlight_plugins.projection.space import Space
from firstlight_plugins.projection.typical import Typical

DENSE_LIMIT = 50_000
NAMES = "names.json"
SPARE = 4
Floats = NDArray[np.float32]
Most = tuple[int, float]
"""Which piece of evidence says most for an item, and how much."""


class ProjectionSettings(BaseModel):
    """``dense_items``: up to so many items the teacher is exact; ``embedding_size``: d at most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dense_items: int = Field(default=5_000, ge=0, le=10_000)
    embedding_size: int = Field(default=128, gt=0, le=1_024)


class Projection:
    """Score of item c: z · v_c, less its mean over the catalogue and divided by its deviation there.

    z is made of what the history says through the teacher and what the profile says; v_c of the item's content and,
    where it has any, its own interactions. An item with content is scored the moment its attributes arrive, and its
    interactions count as they come. Nothing is known of an item with neither content nor interactions.
    """

    requires: Sequence[str] = ()
    scenarios = frozenset({Scenario.NEW_USER, Scenario.FEW_SHOT, Scenario.WARM, Scenario.NEW_ITEM})

    def __init__(self, settings: ProjectionSettings | None = None) -> None:
        self.settings = settings or ProjectionSettings()
        self._typical: Typical | None = None
        self._live: tuple[Floats, Floats, Floats] | None = None
        self._moved: dict[int, Floats] = {}
        self._places: tuple[Floats, dict[int, Floats], Floats, Floats] | None = None

    def fit(self, data: TrainingData, options: FitOptions) -> Metrics:
        """Choose on items held out of training, then learn from all of them."""
        from firstlight_plugins.projection.training import learn  # noqa: PLC0415  # only training needs it

        learnt = learn(data, options, self.settings)
        self._start(data.items, learnt.space, data.profile_names, data.content_names, None)
        self._typical = Typical.of(data, self.user_states)
        return learnt.metrics

    def export(self, directory: Path) -> None:
        """The arrays of the space, of the feature map and of typical users, ``projection.json`` and ``names.json``."""
        self._space.save(directory)
        if self._typical is not None:
            self._typical.save(directory)
        names = {"profile": self._profile_names, "content": self._content_names}
        (directory / NAMES).write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")

    def load(self, directory: Path, runtime: Runtime) -> None:
        """Map the exported arrays."""
        space = Space.read(directory, runtime.array)
        names = json.loads((directory / NAMES).read_text(encoding="utf-8"))
        index = runtime.index(space.items) if runtime.items.base_size > DENSE_LIMIT else None
        self._start(runtime.items, space, tuple(names["profile"]), tuple(names["content"]), index)
        self._typical = Typical.read(directory)

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Known for every item with content or interactions."""
        known, states = self._answerable(positions), self._states(queries)
        vectors, moves = self._live_vectors()
        values = products_of(self._space.items, vectors, positions, states) - (states @ self._space.mean)[:, None]
        if self._moved:  # by leaning along the way they went
            rows, columns = np.nonzero(positions >= self._items.base_size)
            way = moves[positions[rows, columns] - self._items.base_size]
            values[rows, columns] -= np.einsum("nd,nd->n", way, self._typical_states(queries)[rows])
        return Scores(np.where(known, values, np.float32(0)), known)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        """The highest scores, live items included."""
        limit = min(limit, self._items.size)
        states = self._states(queries)
        live, moves = self._live_vectors()
        fresh = np.arange(self._items.base_size, self._items.base_size + len(live), dtype=np.int32)
        if self._index is not None and limit:
            near = self._near(states, limit)
            positions, values = near.positions, near.scores
        else:
            every = np.arange(self._items.base_size, dtype=np.int32)
            positions = np.broadcast_to(every, (len(queries), len(every)))
            values = np.array([self._space.items @ state for state in states], np.float32).reshape(positions.shape)
        positions = np.concatenate([positions, np.broadcast_to(fresh, (len(queries), len(fresh)))], axis=1)
        beside = states @ live.T
        if self._moved:
            beside -= self._typical_states(queries) @ moves.T
        values = np.concatenate([values, beside], axis=1)
        values = np.where(self._answerable(positions), values, -np.inf) - (states @ self._space.mean)[:, None]
        return Candidates.best(values.astype(np.float32), limit, positions=positions)

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """The history item that adds most to an item's score, else its best content column, else a profile column."""
        histories, known = self._histories(queries), self._answerable(positions)
        codes, weights = rows_of(self._space.codes, self._placed()[1], histories.items), self._space.weights(histories)
        beside = self._vectors(positions) - self._space.mean
        best, gain = np.full(positions.shape, -1), np.zeros(positions.shape, np.float32)
        for row, (own, counted, items) in enumerate(histories.split(codes, weights, histories.items)):
            if len(items):
                parts = (own @ beside[row].T) * counted[:, None]
                best[row], gain[row] = items[parts.argmax(axis=0)], parts.max(axis=0)
        told = known & (gain > 0)
        reasons = [[_similar(item) if item >= 0 else None for item in row] for row in np.where(told, best, -1).tolist()]
        for row in np.flatnonzero((known & ~told).any(axis=1)).tolist():
            columns = np.flatnonzero(known[row] & ~told[row])
            others = self._by_features(queries, row, positions[row, columns])
            for column, reason in zip(columns.tolist(), others, strict=True):
                reasons[row][column] = reason
        return reasons

    def embed_items(self, content: Floats) -> Floats:
        """float32 (M, d): vectors of items known by ``content`` (M, C) alone."""
        return self._space.place(content.astype(np.float32))[1]

    def item_vectors(self, positions: NDArray[np.int32]) -> Floats:
        """float32 (n, d): alike for items that the same users are predicted to like."""
        return self._vectors(positions) * np.sqrt(self._space.moments)

    def user_states(self, queries: Queries) -> Floats:
        """Standardised states, float32 (B, d)."""
        return self._states(queries)

    def _placed_users(self, queries: Queries) -> Floats:
        return self._space.standardised(self._space.states(queries, self._histories(queries), self._placed()[1]))

    def _typical_states(self, queries: Queries) -> Floats:
        """float32 (B, d): of typical users of whom as much is known."""
        assert self._typical is not None  # without them no item moves
        return self._typical.at(self._histories(queries).lengths)

    def user_leanings(self, queries: Queries) -> Floats:
        """float32 (B, d): how users differ from others of whom as much is known; all 0 in a bundle without those."""
        states = self._states(queries)
        return states - self._typical_states(queries) if self._typical else np.zeros_like(states)

    def fold_in_item(self, content: Floats, leanings: Floats, weights: Floats) -> Floats:
        """The vector (d,) of a new item with ``content`` (C,) after its first n interactions: one small solve.

        ``leanings`` (n, d): of the users without the item; ``weights`` (n,): above 0 for a like, below for a dislike.
        """
        return self._space.folding.fold_in(self.embed_items(content[None])[0], leanings, weights).astype(np.float32)

    def move_item(self, position: int, leanings: Floats, positive: NDArray[np.bool_]) -> None:
        """From now on a live item is where :meth:`fold_in_item` puts it, each user weighing as in training.

        Its score moves by what a user's leaning says of the way it went, so not at all for a user who is like most.
        """
        moved = {other: vector for other, vector in self._moved.items() if other != position}
        if leanings.any() and self._space.numbers.item_ridge is not None:
            weights = np.where(positive, 1.0, self._space.numbers.disliked).astype(np.float32)
            moved[position] = self.fold_in_item(self._items.content(np.array([position]))[0], leanings, weights)
        self._moved = moved

    def _start(
        self,
        items: ItemTable,
        space: Space,
        profile_names: tuple[str, ...],
        content_names: tuple[str, ...],
        index: VectorIndex | None,
    ) -> None:
        self._items, self._space, self._index = items, space, index
        self._profile_names, self._content_names = profile_names, content_names
        self._live, self._moved, self._places = None, {}, None
        self._states, self._histories = Remembered(self._placed_users, items), Remembered(self._distinct, items)
        self._described = items.base_content.any(axis=1) | (items.base_counts > 0)
        columns = np.zeros((len(content_names), space.items.shape[1]), np.float32)
        own = slice(1, 1 + len(space.features.columns))
        columns[space.features.columns] = space.content_items[own] * space.features.scales[own, None]
        readable = np.array(["=" in name for name in content_names], np.float32)
        self._pulls = columns * readable[:, None]

    def _distinct(self, queries: Queries) -> Histories:
        """Distinct items that can be placed."""
        histories = queries.histories
        return histories.keep((histories.items >= 0) & (histories.items < self._items.size)).distinct()

    def _near(self, states: Floats, limit: int) -> Candidates:
        """What the index finds: more where some of it cannot be answered, as those are left out."""
        assert self._index is not None
        found = self._index.search(states, limit)
        short = ~self._answerable(found.positions).all(axis=1)
        if not short.any():
            return found
        more = self._index.search(states[short], limit * SPARE)
        shape = (len(states), more.positions.shape[1])
        wide = Candidates(np.full(shape, -1, np.int32), np.zeros(shape, np.float32))
        for whole, few, many in (
            (wide.positions, found.positions, more.positions),
            (wide.scores, found.scores, more.scores),
        ):
            whole[:, : few.shape[1]], whole[short] = few, many
        return wide

    def _placed(self) -> tuple[Floats, Floats, Floats]:
        """Content of the live items, their codes, and their vectors by content alone."""
        content = self._items.live_content
        live = self._live
        if live is None or live[0] is not content:
            live = (content, *self._space.place(content))
            self._live = live
        return live

    def _live_vectors(self) -> tuple[Floats, Floats]:
        """Vectors of the live items, and how far their interactions have moved them: (M, d) each."""
        moved = self._moved  # read first: an item is there before it is moved
        by_content = self._placed()[2]
        places = self._places
        if places is None or places[0] is not by_content or places[1] is not moved:
            vectors = by_content.copy()
            if moved:
                vectors[np.array(list(moved)) - self._items.base_size] = list(moved.values())
            places = (by_content, moved, vectors, vectors - by_content)
            self._places = places
        return places[2:]

    def _vectors(self, positions: NDArray[np.int32]) -> Floats:
        return rows_of(self._space.items, self._live_vectors()[0], positions)

    def _answerable(self, positions: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Those with content or interactions."""
        live, size = self._items.live_content, len(self._described)
        known = np.zeros(positions.shape, np.bool_)
        if size:
            self._described.take(positions, mode="clip", out=known)
        if len(live):
            beyond = positions >= size
            known[beyond] = np.asarray(live.any(axis=1))[positions[beyond] - size]
        if self._moved:
            known |= np.isin(positions, list(self._moved))
        return np.asarray((positions >= 0) & known)

    def _by_features(self, queries: Queries, row: int, positions: NDArray[np.int32]) -> list[Reason | None]:
        """For ``positions`` (n,) the content column that adds most for the user in ``row``, else the profile's."""
        state, beside = self.user_states(queries)[row], (self._vectors(positions) - self._space.mean).T
        by_content = _most(self._items.content(positions).T * (self._pulls @ state)[:, None])
        by_profile = _most(queries.profiles[row][:, None] * (self._space.priors[1:] @ beside))
        return [self._feature(*best) for best in zip(by_content, by_profile, strict=True)]

    def _feature(self, by_content: Most, by_profile: Most) -> Reason | None:
        if by_content[1] > 0:
            return Reason(ReasonCode.MATCHES_CONTENT, attribute=self._content_names[by_content[0]])
        if by_profile[1] > 0:
            return Reason(ReasonCode.MATCHES_PROFILE, attribute=self._profile_names[by_profile[0]])
        return None


@lru_cache(65_536)
def _similar(item: int) -> Reason:
    return Reason(ReasonCode.SIMILAR_TO_HISTORY, item)


def _most(values: Floats) -> list[Most]:
    """For each column of ``values`` (n, C) the row of the largest value, and that; nothing is 0 more than nothing."""
    if not len(values):
        return [(0, 0.0)] * values.shape[1]
    return list(zip(values.argmax(axis=0).tolist(), values.max(axis=0).tolist(), strict=True))

"""Scores items by their attributes: an inner product of a user's state and an item's vector."""

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
    Histories,
    ItemTable,
    Metrics,
    Queries,
    Reason,
    ReasonCode,
    Runtime,
    Scenario,
    Scores,
    TrainingData,
    VectorIndex,
    rows_of,
)
from firstlight_plugins.projection.space import Space
from firstlight_plugins.projection.typical import Typical

DENSE_LIMIT = 50_000
NAMES = "names.json"
SPARE = 4
Floats = NDArray[np.float32]


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
        known = self._answerable(positions)
        values = np.zeros(positions.shape, np.float32)
        for row, (state, typical) in enumerate(zip(*self._states(queries), strict=True)):
            values[row] = self._values(positions[row], state, typical)
        return Scores(np.where(known, values, 0), known)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        """The highest scores, live items included."""
        limit = min(limit, self._items.size)
        live = np.arange(self._items.base_size, self._items.size, dtype=np.int32)
        states, typical = self._states(queries)
        if self._index is not None and limit:
            pools = list(self._index.search(states, limit * SPARE).positions)
        else:
            pools = [np.arange(self._items.base_size, dtype=np.int32)] * len(queries)
        lists = []
        for state, usual, pool in zip(states, typical, pools, strict=True):
            positions = np.concatenate([pool, live])
            values = self._values(positions, state, usual)
            values[~self._answerable(positions)] = -np.inf
            lists.append(Candidates.best(values[None].astype(np.float32), limit, positions=positions))
        return Candidates.stacked(lists, limit)

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """The history item that adds most to an item's score, else its best content column, else a profile column."""
        histories, known = self._histories(queries), self._answerable(positions)
        states = self.user_states(queries)
        reasons: list[list[Reason | None]] = []
        for row, state in enumerate(states):
            history = histories.take(np.array([row]))
            codes = rows_of(self._space.codes, self._placed()[1], history.items) * self._space.weights(history)[:, None]
            beside = (self._vectors(positions[row]) - self._space.mean).T
            by_history = codes @ beside
            by_content = self._items.content(positions[row]).T * (self._pulls @ state)[:, None]
            by_profile = queries.profiles[row][:, None] * (self._space.priors[1:] @ beside)
            reasons.append(
                [
                    self._reason(history.items, by_history[:, c], by_content[:, c], by_profile[:, c])
                    if known[row, c]
                    else None
                    for c in range(positions.shape[1])
                ]
            )
        return reasons

    def embed_items(self, content: Floats) -> Floats:
        """float32 (M, d): vectors of items known by ``content`` (M, C) alone."""
        return self._space.place(content.astype(np.float32))[1]

    def item_vectors(self, positions: NDArray[np.int32]) -> Floats:
        """float32 (n, d): alike for items that the same users are predicted to like."""
        return self._vectors(positions) * np.sqrt(self._space.moments)

    def user_states(self, queries: Queries) -> Floats:
        """Standardised states, float32 (B, d)."""
        states = self._space.states(queries, self._histories(queries), self._placed()[1])
        return self._space.standardised(states)

    def user_leanings(self, queries: Queries) -> Floats:
        """float32 (B, d): how users differ from others of whom as much is known; all 0 in a bundle without those."""
        states, typical = self._states(queries)
        return states - typical if self._typical else np.zeros_like(states)

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
        columns = np.zeros((len(content_names), space.items.shape[1]), np.float32)
        own = slice(1, 1 + len(space.features.columns))
        columns[space.features.columns] = space.content_items[own] * space.features.scales[own, None]
        readable = np.array(["=" in name for name in content_names], np.float32)
        self._pulls = columns * readable[:, None]

    def _histories(self, queries: Queries) -> Histories:
        """Distinct items that can be placed."""
        histories = queries.histories
        return histories.keep((histories.items >= 0) & (histories.items < self._items.size)).distinct()

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

    def _states(self, queries: Queries) -> tuple[Floats, Floats]:
        """Of the users, and of typical users of whom as much is known; float32 (B, d) each."""
        states = self.user_states(queries)
        if self._typical is None:
            return states, np.zeros_like(states)
        return states, self._typical.at(self._histories(queries).lengths)

    def _values(self, positions: NDArray[np.int32], state: Floats, typical: Floats) -> Floats:
        """Scores (C,) of ``positions`` (C,) for one user: by state, and by leaning along the way of moved items."""
        values = self._vectors(positions) @ state - self._space.mean @ state
        live = positions >= self._items.base_size
        if self._moved and live.any():
            values[live] -= self._live_vectors()[1][positions[live] - self._items.base_size] @ typical
        return np.asarray(values, np.float32)

    def _vectors(self, positions: NDArray[np.int32]) -> Floats:
        return rows_of(self._space.items, self._live_vectors()[0], positions)

    def _answerable(self, positions: NDArray[np.int32]) -> NDArray[np.bool_]:
        known = self._items.content(positions).any(axis=-1) | (self._items.counts(positions) > 0)
        if self._moved:
            known |= np.isin(positions, list(self._moved))
        return np.asarray((positions >= 0) & known)

    def _reason(
        self, history: NDArray[np.int32], by_history: Floats, by_content: Floats, by_profile: Floats
    ) -> Reason | None:
        if len(by_history) and by_history.max() > 0:
            return Reason(ReasonCode.SIMILAR_TO_HISTORY, int(history[by_history.argmax()]))
        if len(by_content) and by_content.max() > 0:
            return Reason(ReasonCode.MATCHES_CONTENT, attribute=self._content_names[int(by_content.argmax())])
        if len(by_profile) and by_profile.max() > 0:
            return Reason(ReasonCode.MATCHES_PROFILE, attribute=self._profile_names[int(by_profile.argmax())])
        return None

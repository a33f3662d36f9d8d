"""Serves the body: an item's vector is read off its content, a user's off profile and history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
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
    rows_of,
)
from firstlight_plugins.transfer.body import Body
from firstlight_plugins.transfer.training import Learnt, Mode, learn

DENSE_LIMIT = 50_000
RANK = 64
NOTABLE = 0.001
"""The least addition to a score, in log votes, that is named as its reason."""


class TransferSettings(BaseModel):
    """``[plugins.transfer]``.

    ``mode``: what happens to the body of ``train --from-bundle``: ``frozen`` keeps it and learns levels alone,
    ``adapted`` moves it as far as this catalogue's users justify, ``fine_tuned`` learns everything anew from where it
    stands. ``attributes``: this catalogue's attribute → the source's, where names differ.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode = "adapted"
    attributes: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tables:
    """``items`` float32 (N, 1 + R): log votes, then taste vectors; ``content`` (C + 1, 1 + R): both from content.

    ``users`` (P + 2 C, R): what profile, liked and disliked content add to a user's vector; ``centre`` (C,) is taken
    from the content of a history.
    """

    items: NDArray[np.float32]
    content: NDArray[np.float32]
    users: NDArray[np.float32]
    centre: NDArray[np.float32]

    @classmethod
    def of(cls, learnt: Learnt, content: NDArray[np.float32]) -> Tables:
        """Fold ``learnt`` for items with ``content`` (N, C)."""
        left, strength, right = np.linalg.svd(learnt.body.scale * learnt.body.taste, full_matrices=False)
        rank = min(RANK, len(strength))
        half = np.sqrt(strength[:rank])
        users, taste = left[:, :rank] * half, right[:rank].T * half
        total = np.log(max(float(learnt.votes.sum()), 1e-12))
        table = np.zeros((len(taste) + 1, 1 + rank))
        table[:-1, 0], table[-1, 0] = learnt.rates.coefficients, learnt.rates.level - total
        table[:-1, 1:], table[-1, 1:] = taste, -learnt.space.centre @ taste
        items = np.empty((len(content), 1 + rank), np.float32)
        items[:, 0] = np.log(learnt.votes) - total
        items[:, 1:] = content @ taste.astype(np.float32) + table[-1, 1:].astype(np.float32)
        return cls(items, table.astype(np.float32), users.astype(np.float32), learnt.space.centre.astype(np.float32))


class Transfer:
    """Score of item i for a user with profile p and history j = 1 … k: log v(i) + s · x · W · φ(i).

    x holds p, Σ φ(j) / √(k + c) over what was liked, and the same over what was disliked; φ is content. v are the
    item's votes, shrunk towards what its content lets one expect. No id takes part, so W and the expectations can come
    from another catalogue.
    """

    requires: Sequence[str] = ()
    scenarios = frozenset({Scenario.NEW_USER, Scenario.FEW_SHOT, Scenario.NEW_ITEM})

    def __init__(self, settings: TransferSettings | None = None) -> None:
        self.settings = settings or TransferSettings()

    def fit(self, data: TrainingData, options: FitOptions) -> Metrics:
        """Learn the body, from ``options.source`` where there is one."""
        learnt = learn(data, options, mode=self.settings.mode, names=self.settings.attributes)
        tables = Tables.of(learnt, data.items.base_content)
        self._start(data.items, learnt.body, tables, data.dataset.schema.positive_value, None)
        return learnt.metrics

    def export(self, directory: Path) -> None:
        """The body, the four tables, and ``transfer.json``."""
        self._body.save(directory)
        for name in Tables.__slots__:
            np.save(directory / f"{name}.npy", getattr(self._tables, name), allow_pickle=False)
        state = {"positive_value": self._positive_value}
        (directory / "transfer.json").write_text(json.dumps(state), encoding="utf-8")

    def load(self, directory: Path, runtime: Runtime) -> None:
        """Map the exported tables."""
        state = json.loads((directory / "transfer.json").read_text(encoding="utf-8"))
        tables = Tables(*(runtime.array(directory / f"{name}.npy") for name in Tables.__slots__))  # type: ignore[arg-type]  # float32 by export
        index = runtime.index(tables.items) if runtime.items.base_size > DENSE_LIMIT else None
        self._start(runtime.items, Body.load(directory), tables, float(state["positive_value"]), index)

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Known for every item; padding gives value 0, known False."""
        users, live = self._folded(queries), self._live_vectors()
        values = np.zeros(positions.shape, np.float32)
        for row, user in enumerate(users):
            values[row] = rows_of(self._tables.items, live, positions[row]) @ user
        known = positions >= 0
        return Scores(np.where(known, values, 0).astype(np.float32), known)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        """The highest scores, live items included."""
        users, live = self._folded(queries), self._live_vectors()
        if self._index is None:
            return Candidates.best(np.concatenate([users @ self._tables.items.T, users @ live.T], axis=1), limit)
        found, size = self._index.search(users, limit), self._items.base_size
        if not len(live):
            return found
        added = np.broadcast_to(np.arange(size, size + len(live), dtype=np.int32), (len(queries), len(live)))
        positions = np.concatenate([found.positions, added], axis=1)
        values = np.concatenate([np.where(found.positions >= 0, found.scores, -np.inf), users @ live.T], axis=1)
        return Candidates.best(values.astype(np.float32), limit, positions=positions)

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """The liked history item or the profile column that adds most; a new item's strongest content column."""
        live = self._live_vectors()
        histories = self._histories(queries)
        reasons: list[list[Reason | None]] = []
        for row in range(len(queries)):
            vectors = rows_of(self._tables.items, live, positions[row])[:, 1:]
            mine = histories.take(np.array([row]))
            liked = mine.positive(self._positive_value)
            by_item = self._additions(mine)[liked] @ vectors.T
            by_profile = (queries.profiles[row][:, None] * self._tables.users[: self._profile_size]) @ vectors.T
            reasons.append(
                [
                    self._reason(int(item), by_item[:, c], by_profile[:, c], mine.items[liked])
                    for c, item in enumerate(positions[row])
                ]
            )
        return reasons

    def embed_items(self, content: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (M, 1 + R): expected log votes and taste vectors of items known by ``content`` (M, C) alone."""
        return np.asarray(content.astype(np.float32) @ self._tables.content[:-1] + self._tables.content[-1], np.float32)

    def _start(
        self, items: ItemTable, body: Body, tables: Tables, positive_value: float, index: VectorIndex | None
    ) -> None:
        self._items, self._body, self._tables = items, body, tables
        self._positive_value, self._index = positive_value, index
        self._profile_size = len(body.profile_names)
        self._readable = np.array(["=" in name for name in body.content_names], np.float32)
        self._live: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
        self._folded = Remembered(self._users, items)

    def _histories(self, queries: Queries) -> Histories:
        """Distinct items that there are."""
        histories = queries.histories
        return histories.keep((histories.items >= 0) & (histories.items < self._items.size)).distinct()

    def _additions(self, history: Histories) -> NDArray[np.float32]:
        """float32 (n, R): what each of the n interactions of one user adds to the user's vector."""
        content = self._items.content(history.items) - self._tables.centre
        liked, disliked = np.split(self._tables.users[self._profile_size :], 2)
        positive = history.positive(self._positive_value)[:, None]
        width = np.float32(np.sqrt(len(history.items) + self._body.crowding))
        return np.asarray(np.where(positive, content @ liked, content @ disliked) / width, np.float32)

    def _users(self, queries: Queries) -> NDArray[np.float32]:
        """float32 (B, 1 + R): 1, then the user's vector."""
        histories = self._histories(queries)
        content = self._items.content(histories.items) - self._tables.centre
        liked = histories.positive(self._positive_value)
        kinds = np.stack([liked, ~liked]).astype(np.float32)
        context = np.zeros((len(queries), len(self._tables.users)), np.float32)
        context[:, : self._profile_size] = queries.profiles
        for row, (start, end) in enumerate(pairwise(histories.offsets.tolist())):
            context[row, self._profile_size :] = (kinds[:, start:end] @ content[start:end]).ravel()
        context[:, self._profile_size :] /= np.sqrt(histories.lengths + self._body.crowding)[:, None]
        return np.concatenate([np.ones((len(queries), 1), np.float32), context @ self._tables.users], axis=1)

    def _reason(
        self,
        item: int,
        by_item: NDArray[np.float32],
        by_profile: NDArray[np.float32],
        history: NDArray[np.int32],
    ) -> Reason | None:
        if item < 0:
            return None
        most = float(by_item.max(initial=0)), float(by_profile.max(initial=0))
        if max(most) >= NOTABLE:
            if most[0] >= most[1]:
                return Reason(ReasonCode.SIMILAR_TO_HISTORY, int(history[by_item.argmax()]))
            return Reason(ReasonCode.MATCHES_PROFILE, attribute=self._body.profile_names[int(by_profile.argmax())])
        position = np.array([item], np.int32)
        if self._items.counts(position)[0]:
            return Reason(ReasonCode.POPULAR)
        pull = self._items.content(position)[0] * self._tables.content[:-1, 0] * self._readable
        best = int(pull.argmax()) if len(pull) else -1
        name = self._body.content_names[best] if best >= 0 and pull[best] > 0 else ""
        return Reason(ReasonCode.MATCHES_CONTENT, attribute=name)

    def _live_vectors(self) -> NDArray[np.float32]:
        content = self._items.live_content
        live = self._live
        if live is None or live[0] is not content:
            live = (content, self.embed_items(content))
            self._live = live
        return live[1]

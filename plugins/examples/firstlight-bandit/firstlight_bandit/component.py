"""Thompson sampling over Beta posteriors of (segment, item): draw a rate for every item, show the highest draws.

W. R. Thompson, On the likelihood that one unknown probability exceeds another, Biometrika 25 (1933).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from firstlight import (
    Candidates,
    FitOptions,
    Histories,
    Metrics,
    Queries,
    Reason,
    ReasonCode,
    Runtime,
    Scores,
    TrainingData,
)

STATE = "bandit.json"


class BanditSettings(BaseModel):
    """``[plugins.bandit]``.

    ``segment_by``: the user attribute whose values are the segments; by default the first one that profiles know.
    ``strength``: how many users of a segment weigh as much as what everybody does. ``new_trials``: an item that
    nobody has met is believed to be as liked as the average one, as if after so many trials; fewer trials let it be
    tried more often. ``pool``: items that are drawn for, the best and the newest ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment_by: str | None = None
    strength: float = Field(default=20.0, gt=0)
    new_trials: float = Field(default=5.0, gt=0)
    pool: int = Field(default=2_000, ge=1)


class Bandit:
    """Score of an item: the logarithm of a rate drawn from what is believed about it in the user's segment.

    Draws depend on the seed of the training, the profile and the history, and on nothing else: one query gets one list,
    alone and in a batch, and another one as soon as the user has done something.
    """

    requires: Sequence[str] = ()

    def __init__(self, settings: BanditSettings | None = None) -> None:
        self.settings = settings or BanditSettings()

    def fit(self, data: TrainingData, options: FitOptions) -> Metrics:
        """Count, in each segment and in all, who likes an item; everybody counts as having had the chance."""
        field = self.settings.segment_by or next(iter(data.profile_fields), "")
        columns = [n for n, name in enumerate(data.profile_fields) if name == field]
        schema, histories = data.dataset.schema, data.dataset.histories
        liked = histories.keep(histories.positive(schema.positive_value)).distinct()
        segments = _segments(data.profiles[:, columns])
        met = data.items.base_counts > 0
        counts = np.zeros((len(columns) + 1, len(met)))
        np.add.at(counts, (segments[liked.rows], liked.items), 1)
        users = np.bincount(segments, minlength=len(counts)).astype(float)
        # The last row, of users of no known segment, believes what everybody together tells.
        counts[-1], users[-1] = counts.sum(axis=0), len(segments)
        rate = (counts[-1] + 1) / (users[-1] + 2)
        strength = self.settings.strength
        alpha = counts + strength * rate
        beta = users[:, None] - counts + strength * (1 - rate)
        average = (alpha / (alpha + beta))[:, met].mean(axis=1) if met.any() else np.full(len(alpha), 0.5)
        new = self.settings.new_trials * np.stack([average, 1 - average])
        alpha[:, ~met], beta[:, ~met] = new[0][:, None], new[1][:, None]
        self._seed, self._new = options.seed, new.astype(np.float32)
        self._columns = columns
        self._names = [data.profile_names[n] for n in columns]
        self._alpha, self._beta = alpha.astype(np.float32), beta.astype(np.float32)
        self._items = data.items
        self._choose_pool()
        return {"segments": float(len(columns)), "untried_items": float((~met).sum())}

    def export(self, directory: Path) -> None:
        """``alpha.npy`` and ``beta.npy``, float32 (segments + 1, N), ``new.npy`` of new items, and what they mean."""
        np.save(directory / "alpha.npy", self._alpha, allow_pickle=False)
        np.save(directory / "beta.npy", self._beta, allow_pickle=False)
        np.save(directory / "new.npy", self._new, allow_pickle=False)
        state = {"seed": self._seed, "columns": self._columns, "names": self._names}
        (directory / STATE).write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    def load(self, directory: Path, runtime: Runtime) -> None:
        """Map the exported arrays."""
        state = json.loads((directory / STATE).read_text(encoding="utf-8"))
        self._seed, self._columns, self._names = state["seed"], state["columns"], state["names"]
        self._alpha = np.asarray(runtime.array(directory / "alpha.npy"), np.float32)
        self._beta = np.asarray(runtime.array(directory / "beta.npy"), np.float32)
        self._new = np.asarray(runtime.array(directory / "new.npy"), np.float32)
        self._items = runtime.items
        self._choose_pool()

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Known for the items of the pool, among them all that are newest."""
        pool = self._drawn_for()
        place = np.searchsorted(pool, positions)
        known = np.take(pool, place, mode="clip") == positions if len(pool) else np.zeros(positions.shape, np.bool_)
        values = np.zeros(positions.shape, np.float32)
        for row, draws in enumerate(self._draws(queries, pool)):
            values[row, known[row]] = draws[place[row, known[row]]]
        return Scores(values, known)

    def generate(self, queries: Queries, limit: int) -> Candidates:
        """The highest draws."""
        pool = self._drawn_for()
        return Candidates.best(self._draws(queries, pool), limit, positions=pool)

    def explain(self, queries: Queries, positions: NDArray[np.int32]) -> list[list[Reason | None]]:
        """The segment where it likes an item more than everybody does, else popularity; None for a mere try."""
        segments = _segments(queries.profiles[:, self._columns])
        liked, tried = self._alpha, self._alpha + self._beta
        met = self._items.counts(positions) > 0

        def one(row: int, column: int) -> Reason | None:
            item, segment = positions[row, column], segments[row]
            if item < 0 or not met[row, column]:
                return None
            rates = liked[:, item] / tried[:, item]
            if segment < len(self._names) and rates[segment] > rates[-1]:
                return Reason(ReasonCode.POPULAR_IN_SEGMENT, attribute=self._names[segment])
            return Reason(ReasonCode.POPULAR)

        return [[one(row, column) for column in range(positions.shape[1])] for row in range(len(positions))]

    def _choose_pool(self) -> None:
        """The items that some segment may think best of, by the upper end of what it believes."""
        total = self._alpha + self._beta
        mean = self._alpha / total
        upper = (mean + 2 * np.sqrt(mean * (1 - mean) / (total + 1))).max(axis=0)
        self._pool = np.sort(np.argsort(-upper, kind="stable")[: self.settings.pool]).astype(np.int32)

    def _drawn_for(self) -> NDArray[np.int32]:
        """The pool and the newest live items, ascending."""
        base, size = self._items.base_size, self._items.size
        return np.concatenate([self._pool, np.arange(max(base, size - self.settings.pool), size, dtype=np.int32)])

    def _draws(self, queries: Queries, pool: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32 (B, pool): logarithms of drawn rates."""
        live = int((pool >= self._items.base_size).sum())
        base = pool[: len(pool) - live]
        out = np.zeros((len(queries), len(pool)), np.float32)
        for row, segment in enumerate(_segments(queries.profiles[:, self._columns])):
            generator = np.random.default_rng([self._seed, _fingerprint(queries, row)])
            alpha = np.concatenate([self._alpha[segment, base], np.full(live, self._new[0, segment])])
            beta = np.concatenate([self._beta[segment, base], np.full(live, self._new[1, segment])])
            out[row] = np.log(np.maximum(generator.beta(alpha, beta), 1e-9))
        return out


def _segments(held: NDArray[np.float32]) -> NDArray[np.int64]:
    """int64 (B,): the first column that holds in each row of ``held`` (B, G); G where none does."""
    known = held > 0
    return np.where(known.any(axis=1), known.argmax(axis=1) if held.shape[1] else 0, held.shape[1])


def _fingerprint(queries: Queries, row: int) -> int:
    histories: Histories = queries.histories
    return zlib.crc32(histories.of(row).tobytes(), zlib.crc32(np.flatnonzero(queries.profiles[row]).tobytes()))

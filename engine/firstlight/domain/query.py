"""A request as the engine sees it, and what is known about who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firstlight.domain.histories import Histories
from firstlight.domain.schema import Attributes

FEW_SHOT_LIMIT = 10
"""A user with 1 to this many interactions is few-shot; with more, warm."""


Route = Literal["full", "fast"]
"""How to answer: by all components, or by the few that are quick."""


class Scenario(IntEnum):
    """How much is known about the user of a query. ``NEW_ITEM`` is what a strategy may answer on the item side."""

    NEW_USER = 1
    FEW_SHOT = 2
    WARM = 3
    NEW_ITEM = 4


_SCENARIOS = np.array([Scenario.NEW_USER, *[Scenario.FEW_SHOT] * FEW_SHOT_LIMIT, Scenario.WARM], np.int8)
"""By number of interactions; the last is that of all larger numbers."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One interaction of a query's history. ``time_us``: microseconds since 1970, None where unknown."""

    item_id: str
    value: float | None = None
    type: str = ""
    time_us: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One question, with string ids: the outer face of the engine.

    ``profile`` overrides stored attributes field by field; ``history`` (oldest first) is appended to the stored
    history as its newest part. ``candidates``: rank only these. ``context``: items on screen now, treated as the
    newest history without a value. ``limit`` is at least 0. ``route``: how to answer; None leaves it to the engine.
    """

    user_id: str | None = None
    profile: Attributes = field(default_factory=dict)
    history: tuple[HistoryEntry, ...] = ()
    context: tuple[str, ...] = ()
    candidates: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    limit: int = 20
    include_seen: bool = False
    route: Route | None = None


@dataclass(frozen=True, slots=True)
class Queries:
    """B completed queries as arrays: what a component sees.

    ``profiles`` float32 (B, P), columns as in ``TrainingData``; ``attributes`` the raw profiles they came from.
    """

    profiles: NDArray[np.float32]
    histories: Histories
    attributes: tuple[Attributes, ...] = ()

    def __len__(self) -> int:
        return len(self.profiles)

    def take(self, rows: NDArray[np.integer]) -> Queries:
        """The given rows, in the given order; these queries themselves where that is all of them."""
        if len(rows) == len(self) and (len(rows) < 2 or bool((np.diff(rows) == 1).all())):
            return self
        attributes = tuple(self.attributes[r] for r in rows) if self.attributes else ()
        return Queries(self.profiles[rows], self.histories.take(rows), attributes)


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much is known in each of B queries: int32 (B,) each."""

    interactions: NDArray[np.int32]
    positives: NDArray[np.int32]
    profile_fields: NDArray[np.int32]

    @classmethod
    def of(cls, queries: Queries, *, positive_value: float, profile_fields: tuple[str, ...]) -> Evidence:
        """Count the evidence of ``queries``; ``profile_fields`` (P,) names the attribute of each profile column."""
        histories = queries.histories
        positive = np.bincount(histories.rows[histories.positive(positive_value)], minlength=len(queries))
        held = queries.profiles > 0
        fields = (held @ _membership(profile_fields)).sum(axis=1)
        return cls(histories.lengths.astype(np.int32), positive.astype(np.int32), fields.astype(np.int32))

    def take(self, rows: NDArray[np.integer]) -> Evidence:
        """The given rows, in the given order."""
        return Evidence(self.interactions[rows], self.positives[rows], self.profile_fields[rows])

    def scenarios(self) -> NDArray[np.int8]:
        """int8 (B,): the :class:`Scenario` by number of interactions."""
        return _SCENARIOS.take(self.interactions, mode="clip")


@lru_cache
def _membership(fields: tuple[str, ...]) -> NDArray[np.bool_]:
    """bool (P, F): which of P columns belongs to which of F different fields."""
    different = tuple(dict.fromkeys(fields))
    return np.array([[name == field for field in different] for name in fields], np.bool_).reshape(
        len(fields), len(different)
    )


@dataclass(frozen=True, slots=True)
class Candidates:
    """Proposed items: ``positions`` int32 (B, L) padded with −1, ``scores`` float32 (B, L), best first."""

    positions: NDArray[np.int32]
    scores: NDArray[np.float32]

    @classmethod
    def best(cls, values: NDArray[np.float32], limit: int, *, positions: NDArray[np.int32] | None = None) -> Candidates:
        """The up to ``limit`` highest of ``values`` (B, T) in each row, ties by column; −inf is never proposed.

        ``positions`` int32 (T,) or (B, T): the item in each column, the column's own number by default.
        """
        columns, falling = values.shape[1], -values
        limit = min(limit, columns)
        if 4 * limit < columns and limit:
            top = falling.argpartition(limit - 1, axis=1)[:, :limit]
            top.sort(axis=1)
        else:
            top = np.broadcast_to(np.arange(columns), values.shape)
        rows = np.arange(len(values))[:, None]
        top = top[rows, falling[rows, top].argsort(axis=1, kind="stable")[:, :limit]]
        scores = values[rows, top]
        items = top if positions is None else positions[top] if positions.ndim == 1 else positions[rows, top]
        found = np.isfinite(scores)
        if not found.all():
            items, scores = np.where(found, items, -1), np.where(found, scores, 0)
        return cls(items.astype(np.int32, copy=False), scores.astype(np.float32, copy=False))

    @classmethod
    def stacked(cls, lists: Sequence[Candidates], limit: int) -> Candidates:
        """``lists`` of one query each, at most ``limit`` long, as the rows of one (B, ``limit``)."""
        shape = (len(lists), limit)
        found = cls(np.full(shape, -1, np.int32), np.zeros(shape, np.float32))
        for row, one in enumerate(lists):
            width = one.positions.shape[1]
            found.positions[row, :width], found.scores[row, :width] = one.positions[0], one.scores[0]
        return found


@dataclass(frozen=True, slots=True)
class Scores:
    """``values`` float32 (B, C); ``known`` bool (B, C), false where a component has nothing to say (value 0)."""

    values: NDArray[np.float32]
    known: NDArray[np.bool_]


class ReasonCode(IntEnum):
    """Why an item is in a list; ``firstlight.v1.Reason.Code`` has the same names and numbers."""

    POPULAR = 1
    POPULAR_IN_SEGMENT = 2
    SIMILAR_TO_HISTORY = 3
    MATCHES_PROFILE = 4
    MATCHES_CONTENT = 5


class Reason(NamedTuple):
    """Why one item scored as it did: a code and its evidence.

    ``history_position`` is the history item that mattered most (−1: none); ``attribute`` the profile or item
    attribute (``"gender=F"``), empty where none.
    """

    code: ReasonCode
    history_position: int = -1
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class RankingInputs:
    """What a ranker fuses: S components' scores of C candidates in B queries.

    ``scores`` float32 and ``known`` bool (S, B, C) in the order of ``names``; ``positions`` int32 (B, C) padded with
    −1; ``counts`` int32 (B, C): training interactions of each candidate (0 = new item). ``novelty`` float32 (B, C): how
    likely a candidate without interactions is new rather than unwanted (:attr:`ItemTable.novelty`), 1 for live items;
    None: all are new.
    """

    names: tuple[str, ...]
    scores: NDArray[np.float32]
    known: NDArray[np.bool_]
    positions: NDArray[np.int32]
    counts: NDArray[np.int32]
    evidence: Evidence
    novelty: NDArray[np.float32] | None = None

    def take(self, rows: NDArray[np.integer]) -> RankingInputs:
        """The given queries, in the given order."""
        return RankingInputs(
            self.names,
            self.scores[:, rows],
            self.known[:, rows],
            self.positions[rows],
            self.counts[rows],
            self.evidence.take(rows),
            None if self.novelty is None else self.novelty[rows],
        )

    def of(self, names: tuple[str, ...]) -> RankingInputs:
        """The scores of the components ``names`` alone, in that order."""
        rows = [self.names.index(name) for name in names]
        return replace(self, names=names, scores=self.scores[rows], known=self.known[rows])

    def only(self, wanted: NDArray[np.bool_]) -> RankingInputs:
        """The candidates where ``wanted`` (B, C) is true; the others become padding."""
        positions = np.where(wanted, self.positions, -1).astype(np.int32)
        return replace(self, known=self.known & wanted, positions=positions)


@dataclass(frozen=True, slots=True)
class Ranked:
    """``values`` float32 (B, C), −inf for padding; ``contributions`` float32 (S, B, C) sum to them."""

    values: NDArray[np.float32]
    contributions: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RankingExamples:
    """Cross-fitted ranking problems a ranker learns from.

    ``inputs`` as served; ``relevant`` bool (B, C); ``total_relevant`` int32 (B,) counts those outside the candidates
    too; ``slice_name`` such as ``"new-user k=3"``.
    """

    slice_name: str
    inputs: RankingInputs
    relevant: NDArray[np.bool_]
    total_relevant: NDArray[np.int32]

    def take(self, rows: NDArray[np.integer]) -> RankingExamples:
        """The given queries, in the given order."""
        return RankingExamples(self.slice_name, self.inputs.take(rows), self.relevant[rows], self.total_relevant[rows])


Metrics = Mapping[str, float]

"""Queries with string ids, completed and turned into arrays."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Attributes, HistoryEntry, Queries, Query, Schema
from firstlight.errors import InvalidInputError, Violation
from firstlight.pipeline.catalogue import Catalogue
from firstlight.pipeline.placing import Placed, UserState, histories
from firstlight.pipeline.profiles import Profiles
from firstlight.pipeline.results import Degradation, DegradationReason
from firstlight.plugins import Attempt

MAX_LIMIT = 1000
"""A larger limit is cut to this."""

MAX_HISTORY = 1000
"""Newest history entries that are used."""

MAX_GIVEN_HISTORY = 100_000
"""A query with more history entries of its own is refused."""

MAX_VIOLATIONS = 20


@dataclass(frozen=True, slots=True)
class Prepared:
    """B completed queries.

    ``limits`` int64 (B,); ``candidates``: given positions per row, None where the engine proposes; ``excluded_rows``
    and ``excluded`` int64 (n,): item ``excluded[i]`` must not be shown to row ``excluded_rows[i]``.
    """

    queries: Queries
    limits: NDArray[np.int64]
    candidates: tuple[NDArray[np.int32] | None, ...]
    excluded_rows: NDArray[np.int64]
    excluded: NDArray[np.int64]
    degraded: tuple[tuple[Degradation, ...], ...]

    def take(self, rows: NDArray[np.int64]) -> Prepared:
        """The given rows (b,), ascending and each once."""
        place = np.full(len(self.queries), -1)
        place[rows] = np.arange(len(rows))
        kept = place[self.excluded_rows] >= 0
        return Prepared(
            queries=self.queries.take(rows),
            limits=self.limits[rows],
            candidates=tuple(self.candidates[row] for row in rows),
            excluded_rows=place[self.excluded_rows[kept]],
            excluded=self.excluded[kept],
            degraded=tuple(self.degraded[row] for row in rows),
        )


def prepare(
    queries: Sequence[Query],
    users: Mapping[str, UserState] | None,
    *,
    catalogue: Catalogue,
    profiles: Profiles,
    schema: Schema,
    attempt: Attempt,
) -> Prepared:
    """Complete ``queries`` from ``users`` and look their ids up; None as ``users``: the queries say everything.

    ``attempt`` asks plugins' feature encoders.

    A stored value that conflicts with the schema is ignored, one given in a query is an error.

    Raises:
        InvalidInputError: with the path of each bad field, such as ``queries[3].profile.age``.
    """
    _validate(queries, profiles)
    known = frozenset(attribute.name for attribute in schema.users)
    rows = [_Row.of(query, users, profiles, known) for query in queries]
    found = iter(_look_up(catalogue, [ids for row in rows for ids in row.id_lists]))
    types = {name: n for n, name in enumerate(schema.types)}
    placed: list[Placed] = []
    candidates: list[NDArray[np.int32] | None] = []
    excluded: list[NDArray[np.int32]] = []
    for row in rows:
        added, exclude, given = next(found), next(found), next(found)
        history = row.state.placed(catalogue, types)
        if row.added:
            history = history.then(Placed.of(row.added, added, types))
        placed.append(history.known(MAX_HISTORY))
        excluded.append(exclude)
        if not row.query.include_seen:
            excluded[-1] = np.concatenate([history.items, exclude]) if len(exclude) else history.items
        candidates.append(None if row.query.candidates is None else np.unique(given[given >= 0]))
        row.note_unknown(added, given)
    completed = tuple(row.profile for row in rows)
    return Prepared(
        queries=Queries(profiles.rows(completed, attempt), histories(placed), completed),
        limits=np.array([min(query.limit, MAX_LIMIT) for query in queries], np.int64),
        candidates=tuple(candidates),
        excluded_rows=np.repeat(np.arange(len(rows)), [len(row) for row in excluded]),
        excluded=np.concatenate([*excluded, np.zeros(0, np.int64)]).astype(np.int64),
        degraded=tuple(tuple(row.degraded) for row in rows),
    )


@dataclass(slots=True)
class _Row:
    """One query on its way to arrays."""

    query: Query
    profile: Attributes
    state: UserState
    added: tuple[HistoryEntry, ...]
    """What the query adds to the stored history."""
    degraded: list[Degradation]

    @classmethod
    def of(
        cls, query: Query, users: Mapping[str, UserState] | None, profiles: Profiles, known: Collection[str]
    ) -> _Row:
        state, degraded = UserState(), []
        if query.user_id and users is not None:
            if query.user_id in users:
                state = users[query.user_id]
            else:
                text = "what is stored about the user could not be read in time"
                degraded.append(Degradation(DegradationReason.USER_STATE_UNAVAILABLE, detail=text))
        bad = {violation.field for violation in profiles.conflicts(state.attributes)}
        profile = {name: v for name, v in state.attributes.items() if name not in bad} | dict(query.profile)
        context = tuple(HistoryEntry(item_id) for item_id in query.context)
        row = cls(query, profile, state, (*query.history, *context), degraded)
        row.note_limits(known, bad)
        return row

    @property
    def id_lists(self) -> tuple[list[str], Sequence[str], Sequence[str]]:
        """Ids of the added history, exclusions and given candidates."""
        return [entry.item_id for entry in self.added], self.query.exclude, self.query.candidates or ()

    def note_limits(self, known: Collection[str], bad: set[str]) -> None:
        ignored = sorted({name for name in self.profile if name not in known} | bad)
        if ignored:
            self._note(DegradationReason.UNKNOWN_ATTRIBUTE, "ignored: " + ", ".join(ignored))
        if len(self.state.history) + len(self.added) > MAX_HISTORY:
            self._note(DegradationReason.HISTORY_TRUNCATED, f"only the newest {MAX_HISTORY} history entries were used")
        if self.query.limit > MAX_LIMIT:
            self._note(DegradationReason.LIMIT_CUT, f"the limit {self.query.limit} was cut to {MAX_LIMIT}")

    def note_unknown(self, added: NDArray[np.int32], candidates: NDArray[np.int32]) -> None:
        """Count the items that came with the query and are none of the catalogue's."""
        for name, found in (("history", added), ("candidate", candidates)):
            if len(found) and found.min() < 0:
                unknown = int((found < 0).sum())
                text = f"{unknown} of {len(found)} {name} items are not in this bundle"
                self._note(DegradationReason.UNKNOWN_ITEM, text)

    def _note(self, reason: DegradationReason, detail: str) -> None:
        self.degraded.append(Degradation(reason, detail=detail))


def _look_up(catalogue: Catalogue, lists: Sequence[Sequence[str]]) -> list[NDArray[np.int32]]:
    """Positions of the ids in each of ``lists``, looked up in one go."""
    positions = catalogue.position_of(list(chain.from_iterable(lists)))
    return [positions[a:b] for a, b in pairwise(accumulate(map(len, lists), initial=0))]


def _validate(queries: Sequence[Query], profiles: Profiles) -> None:
    found: list[Violation] = []
    for n, query in enumerate(queries):
        if query.limit < 0:
            found.append(Violation(f"queries[{n}].limit", f"must not be negative, is {query.limit}"))
        if len(query.history) > MAX_GIVEN_HISTORY:
            text = f"has {len(query.history)} entries, at most {MAX_GIVEN_HISTORY} are allowed"
            found.append(Violation(f"queries[{n}].history", text))
            continue
        found += [
            Violation(f"queries[{n}].history[{k}].value", f"must be a finite number, is {entry.value}")
            for k, entry in enumerate(query.history)
            if entry.value is not None and not math.isfinite(entry.value)
        ]
        found += [replace(v, field=f"queries[{n}].profile.{v.field}") for v in profiles.conflicts(query.profile)]
    if found:
        first = found[0]
        raise InvalidInputError(
            f"{first.field} {first.description}", violations=found[:MAX_VIOLATIONS], total=len(found)
        )

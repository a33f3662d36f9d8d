"""Which items are ranked: proposals less what must not be shown, enough of them to fill the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Queries
from firstlight.errors import PluginError
from firstlight.pipeline.model import PER_GENERATOR, Model, kept_rows
from firstlight.pipeline.preparing import Prepared
from firstlight.plugins import Attempt
from firstlight.roles import CandidateFilter

WIDENING = 4
MOST_PER_GENERATOR = PER_GENERATOR * WIDENING**4


def shortlist(
    model: Model,
    prepared: Prepared,
    *,
    removed: NDArray[np.int32],
    filters: Mapping[str, CandidateFilter],
    attempt: Attempt,
) -> NDArray[np.int32]:
    """int32 (B, C) positions to rank, ascending, padded with −1.

    Each row on its own is asked for again, four times as wide, until it fills its limit or there is no more to propose;
    so a row gets the same candidates alone and in a batch. ``removed`` and exclusions hold for given candidates too. A
    failing filter is skipped and reported.
    """
    permitted = _Permission(prepared, removed, filters, attempt)
    lists: list[NDArray[np.int32]] = [np.zeros(0, np.int32)] * len(prepared.queries)
    given = {row: candidates for row, candidates in enumerate(prepared.candidates) if candidates is not None}
    if given:
        rows = np.array(list(given), np.int64)
        _fill(lists, rows, permitted(_stack(list(given.values())), rows))
    waiting = np.array([row for row in range(len(lists)) if row not in given], np.int64)
    width = PER_GENERATOR
    while len(waiting):
        asked = waiting[prepared.limits[waiting] <= width]
        if len(asked):
            found = model.candidates(prepared.queries.take(asked), per_generator=width, attempt=attempt)
            found = permitted(found, asked)
            enough = np.count_nonzero(found >= 0, axis=1) >= prepared.limits[asked]
            if width >= min(model.items.size, MOST_PER_GENERATOR):
                enough[:] = True
            if len(asked) == len(lists) and enough.all():  # as nearly always
                return found
            _fill(lists, asked[enough], found[enough])
            waiting = np.setdiff1d(waiting, asked[enough])
        width *= WIDENING
    return _stack(lists)


class _Permission:
    """What may be shown to which row."""

    def __init__(
        self,
        prepared: Prepared,
        removed: NDArray[np.int32],
        filters: Mapping[str, CandidateFilter],
        attempt: Attempt,
    ) -> None:
        self._prepared, self._removed, self._filters, self._attempt = prepared, removed, filters, attempt
        # One number for each (row, item) pair; live items may be added meanwhile, hence a stride above any position.
        self._stride = np.int64(2**32)
        self._excluded = prepared.excluded_rows * self._stride + prepared.excluded

    def __call__(self, positions: NDArray[np.int32], rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """``positions`` (b, C) of ``rows`` (b,), less what must not be shown."""
        allowed = positions >= 0
        if len(self._removed):
            allowed &= ~np.isin(positions, self._removed)
        if allowed.size:
            self._strike(allowed, rows, positions)
        for name, candidate_filter in self._filters.items():
            queries = self._prepared.queries.take(rows)
            found = self._attempt(name, "allow", partial(_allow, name, candidate_filter, queries, positions))
            if found is not None:
                allowed &= found
        return positions if allowed.all() else kept_rows(positions, allowed)

    def _strike(self, allowed: NDArray[np.bool_], rows: NDArray[np.int64], positions: NDArray[np.int32]) -> None:
        """Clear ``allowed`` where a position is excluded: few are, so they are looked up among the candidates."""
        # Ascending: so are positions in each row, and padding, which comes last, is the largest unsigned number.
        keys = (rows[:, None] * self._stride + positions.view(np.uint32)).ravel()
        places = keys.searchsorted(self._excluded)
        allowed.ravel()[places[keys.take(places, mode="clip") == self._excluded]] = False


def _allow(
    name: str, candidate_filter: CandidateFilter, queries: Queries, positions: NDArray[np.int32]
) -> NDArray[np.bool_]:
    answer = np.asarray(candidate_filter.allow(queries, positions))
    if answer.shape != positions.shape or answer.dtype != np.bool_:
        raise PluginError(f"filter {name!r} answered {answer.dtype} {answer.shape}, not bool {positions.shape}")
    return answer


def _fill(lists: list[NDArray[np.int32]], rows: NDArray[np.integer], found: NDArray[np.int32]) -> None:
    for row, positions in zip(rows, found, strict=True):
        lists[row] = positions[positions >= 0]


def _stack(rows: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """``rows`` as one array padded with −1."""
    out = np.full((len(rows), max(map(len, rows), default=0)), -1, np.int32)
    for n, row in enumerate(rows):
        out[n, : len(row)] = row
    return out

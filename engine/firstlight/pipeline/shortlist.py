"""Which items are ranked: proposals less what must not be shown, enough of them to fill the list."""

from __future__ import annotations

from collections.abc import Mapping
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
    rows: list[NDArray[np.int32]] = [np.zeros(0, np.int32)] * len(prepared.queries)
    open_rows = np.array([given is None for given in prepared.candidates], np.bool_)
    if not open_rows.all():
        _fill(rows, np.flatnonzero(~open_rows), permitted(_stack(prepared.candidates, ~open_rows), ~open_rows))
    width = PER_GENERATOR
    while open_rows.any():
        asked = open_rows & (prepared.limits <= width)
        if asked.any():
            found = model.candidates(prepared.queries.take(np.flatnonzero(asked)), per_generator=width, attempt=attempt)
            found = permitted(found, asked)
            enough = (found >= 0).sum(axis=1) >= prepared.limits[asked]
            if width >= min(model.items.size, MOST_PER_GENERATOR):
                enough[:] = True
            if enough.all() and asked.all():  # as nearly always
                return found
            done = np.flatnonzero(asked)[enough]
            _fill(rows, done, found[enough])
            open_rows[done] = False
        width *= WIDENING
    return _stack(rows, np.ones(len(rows), np.bool_))


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

    def __call__(self, positions: NDArray[np.int32], mask: NDArray[np.bool_]) -> NDArray[np.int32]:
        """``positions`` (b, C) of the rows where ``mask`` (B,) is true, less what must not be shown."""
        rows = np.flatnonzero(mask)
        allowed = positions >= 0
        if len(self._removed):
            allowed &= ~np.isin(positions, self._removed)
        self._strike(allowed, rows, positions)
        for name, candidate_filter in self._filters.items():
            queries = self._prepared.queries.take(rows)
            found = self._attempt(name, "allow", partial(_allow, name, candidate_filter, queries, positions))
            if found is not None:
                allowed &= found
        return positions if allowed.all() else kept_rows(positions, allowed)

    def _strike(self, allowed: NDArray[np.bool_], rows: NDArray[np.int64], positions: NDArray[np.int32]) -> None:
        """Clear ``allowed`` where a position is excluded: few are, so they are looked up among the candidates."""
        # Ascending: so are positions in each row, and padding, which comes last, is above them all.
        keys = (rows[:, None] * self._stride + np.where(positions < 0, self._stride - 1, positions)).ravel()
        places = np.searchsorted(keys, self._excluded)
        inside = places < len(keys)
        places = places[inside]
        allowed.ravel()[places[keys[places] == self._excluded[inside]]] = False


def _allow(
    name: str, candidate_filter: CandidateFilter, queries: Queries, positions: NDArray[np.int32]
) -> NDArray[np.bool_]:
    answer = np.asarray(candidate_filter.allow(queries, positions))
    if answer.shape != positions.shape or answer.dtype != np.bool_:
        raise PluginError(f"filter {name!r} answered {answer.dtype} {answer.shape}, not bool {positions.shape}")
    return answer


def _fill(rows: list[NDArray[np.int32]], where: NDArray[np.integer], found: NDArray[np.int32]) -> None:
    for row, positions in zip(where, found, strict=True):
        rows[row] = positions[positions >= 0]


def _stack(
    rows: tuple[NDArray[np.int32] | None, ...] | list[NDArray[np.int32]], mask: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """The rows where ``mask`` is true as one array padded with −1."""
    chosen = [row for row, wanted in zip(rows, mask, strict=True) if wanted and row is not None]
    out = np.full((len(chosen), max(map(len, chosen), default=0)), -1, np.int32)
    for n, row in enumerate(chosen):
        out[n, : len(row)] = row
    return out

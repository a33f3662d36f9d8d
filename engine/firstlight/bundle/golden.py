"""``golden.json``: real queries, and what the bundle answered to them when it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from firstlight.domain import Histories, Queries, Route
from firstlight.errors import CorruptBundleError

GOLDEN = "golden.json"

LISTED = 10
"""Items of one answer, at most."""

_Position = Annotated[int, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class GoldenAnswer(_Strict):
    """The best items of one route, by position, and their scores, best first."""

    items: Annotated[tuple[_Position, ...], Field(max_length=LISTED)]
    scores: tuple[FiniteFloat, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.items) != len(self.scores):
            raise ValueError("as many scores as items are needed")
        return self


class GoldenQuery(_Strict):
    """One user without a name: ``profile`` by column, 0 where it is missing; the history, oldest first; the answers."""

    profile: Mapping[_Position, FiniteFloat]
    items: tuple[_Position, ...]
    values: tuple[FiniteFloat | None, ...]
    types: tuple[_Position, ...]
    answers: Mapping[Route, GoldenAnswer]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not len(self.items) == len(self.values) == len(self.types):
            raise ValueError("items, values and types differ in length")
        return self


class Golden(_Strict):
    """All golden queries of a bundle."""

    queries: Annotated[tuple[GoldenQuery, ...], Field(min_length=1)]

    @classmethod
    def of(cls, queries: Queries, answers: Sequence[Mapping[Route, GoldenAnswer]]) -> Golden:
        """Those of ``queries``, and the answers to each."""
        histories = queries.histories
        rows = histories.split(histories.items, histories.values, histories.types)
        return cls(
            queries=tuple(
                GoldenQuery(
                    profile={int(column): float(profile[column]) for column in np.flatnonzero(profile)},
                    items=tuple(items.tolist()),
                    values=tuple(None if np.isnan(value) else value for value in values.tolist()),
                    types=tuple(types.tolist()),
                    answers=found,
                )
                for profile, (items, values, types), found in zip(queries.profiles, rows, answers, strict=True)
            )
        )

    @classmethod
    def read(cls, path: Path, *, items: int, columns: int) -> Golden | None:
        """Those of the bundle at ``path`` with N ``items`` and profiles of P ``columns``; None where it holds none.

        Raises:
            CorruptBundleError: they cannot be read, or speak of what the bundle does not hold.
        """
        file = path / GOLDEN
        if not file.exists():
            return None
        try:
            golden = cls.model_validate_json(file.read_bytes())
        except (OSError, ValidationError) as error:
            raise _corrupt(path, "cannot be read") from error
        for query in golden.queries:
            named = [*query.items, *(item for answer in query.answers.values() for item in answer.items)]
            if max(named, default=0) >= items or max(query.profile, default=-1) >= columns:
                raise _corrupt(path, "names an item or a profile column that there is not")
        return golden

    def to_queries(self, columns: int) -> Queries:
        """The queries as arrays, with profiles (B, ``columns``) and without times."""
        profiles = np.zeros((len(self.queries), columns), np.float32)
        for row, query in enumerate(self.queries):
            profiles[row, list(query.profile)] = list(query.profile.values())
        values = [[np.nan if value is None else value for value in query.values] for query in self.queries]
        items, types = [query.items for query in self.queries], [query.types for query in self.queries]
        return Queries(profiles, Histories.from_rows(items, values, types))

    def answers(self, route: Route) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Positions (B, 10), padded with −1, and scores (B, 10) that ``route`` gave; nothing where it gave none."""
        positions = np.full((len(self.queries), LISTED), -1, np.int32)
        scores = np.zeros(positions.shape, np.float32)
        for row, query in enumerate(self.queries):
            if route in query.answers:
                answer = query.answers[route]
                positions[row, : len(answer.items)], scores[row, : len(answer.items)] = answer.items, answer.scores
        return positions, scores


def _corrupt(path: Path, problem: str) -> CorruptBundleError:
    return CorruptBundleError(
        f"bundle {path.name}: {GOLDEN} {problem}", metadata={"bundle_id": path.name, "file": GOLDEN}
    )

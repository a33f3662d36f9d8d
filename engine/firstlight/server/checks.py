"""Collects what is wrong with a request, field by field, so that one answer names it all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sized
from types import TracebackType
from typing import Self

from firstlight.domain.ids import DEFAULT_CATALOG, ID_RULE, is_valid_id, validate_catalog_id
from firstlight.errors import InvalidInputError, Violation

KEPT = 20
"""Violations that are named; more are only counted."""


class Checks:
    """A block that checks one request; at its end, everything that was wrong is raised as one InvalidInputError.

    A check returns the value it was given, also where that is wrong, so that converting goes on to the next field.
    """

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.total = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.total and error is None:
            raise self.error()

    def error(self) -> InvalidInputError:
        """What was found."""
        first = self.violations[0]
        more = f" (and {self.total - 1} more)" if self.total > 1 else ""
        return InvalidInputError(
            f"{first.field} {first.description}{more}", violations=self.violations, total=self.total
        )

    def add(self, field: str, description: str) -> None:
        """Something is wrong with ``field``."""
        self.total += 1
        if len(self.violations) < KEPT:
            self.violations.append(Violation(field, description))

    def id(self, value: str, field: str) -> str:
        """An id."""
        if not is_valid_id(value):
            self.add(field, ID_RULE)
        return value

    def optional_id(self, value: str, field: str) -> str:
        """An id, or nothing."""
        return self.id(value, field) if value else value

    def catalog(self, value: str) -> str:
        """A catalogue id; empty is the default one."""
        try:
            return validate_catalog_id(value or DEFAULT_CATALOG)
        except InvalidInputError as error:
            self.add("catalog_id", error.violations[0].description)
            return value

    def finite(self, value: float, field: str) -> float:
        """A finite number."""
        if not math.isfinite(value):
            self.add(field, "must be a finite number")
        return value

    def at_most(self, values: Sized, maximum: int, field: str) -> bool:
        """Whether ``values`` are few enough to be looked at one by one."""
        if len(values) > maximum:
            self.add(field, f"has {len(values):,} entries; at most {maximum:,} are allowed")
            return False
        return True

    def batch(self, values: Sized, maximum: int, field: str) -> bool:
        """Whether ``values`` are a batch: at least one, and few enough to be looked at one by one."""
        if not len(values):
            self.add(field, "must not be empty")
        return self.at_most(values, maximum, field)

    def unique(self, ids: Iterable[str], field: str, name: str) -> None:
        """The ids ``name`` of the entries of ``field``, no two of them equal."""
        seen: set[str] = set()
        for n, value in enumerate(ids):
            if value in seen:
                self.add(f"{field}[{n}].{name}", "occurs twice")
            seen.add(value)

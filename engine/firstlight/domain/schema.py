"""Which attributes users and items have, and of which kind; frozen into every bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

AttributeValue = str | int | float | bool | tuple[str, ...] | tuple[float, ...] | datetime
"""A raw attribute. ``tuple[str, ...]`` is multi-valued, ``tuple[float, ...]`` an embedding."""

Attributes = Mapping[str, AttributeValue]


class Kind(StrEnum):
    """What an attribute means to a model."""

    ID = "id"
    CATEGORICAL = "categorical"
    MULTI = "multi"
    NUMERIC = "numeric"
    TEXT = "text"
    TIMESTAMP = "timestamp"
    EMBEDDING = "embedding"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One named attribute. ``separator`` splits a multi-valued string; ``size`` is an embedding's dimension."""

    name: str
    kind: Kind
    separator: str | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Schema:
    """The attributes of users and items, what interactions carry, and which interactions count as positive.

    An interaction is positive when it has no value, or a value of at least ``positive_value``.
    """

    users: tuple[Attribute, ...] = ()
    items: tuple[Attribute, ...] = ()
    has_values: bool = False
    has_times: bool = False
    types: tuple[str, ...] = ("",)
    positive_value: float = 4.0

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary that :meth:`from_json` reads back to an equal schema."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Schema:
        """Inverse of :meth:`to_json`."""

        def attributes(rows: Any) -> tuple[Attribute, ...]:
            return tuple(Attribute(**{**row, "kind": Kind(row["kind"])}) for row in rows)

        return cls(
            users=attributes(data["users"]),
            items=attributes(data["items"]),
            has_values=bool(data["has_values"]),
            has_times=bool(data["has_times"]),
            types=tuple(data["types"]),
            positive_value=float(data["positive_value"]),
        )

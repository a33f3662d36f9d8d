"""From a table to clean items or users, and what their attributes mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from firstlight.datasets.interactions import bad_id, ids
from firstlight.datasets.rejects import Reject
from firstlight.datasets.tables import Table
from firstlight.domain import Attribute, Attributes, AttributeValue, Kind
from firstlight.domain.ids import ID_RULE
from firstlight.domain.inference import SEPARATORS, infer_attribute
from firstlight.domain.values import convert
from firstlight.errors import InvalidInputError

_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d{1,18}")


@dataclass(frozen=True)
class CleanEntities:
    """``rows``: attributes by id, the last row of each; ``attributes``: what this file's columns mean."""

    rows: Mapping[str, Attributes]
    attributes: tuple[Attribute, ...]
    rejects: tuple[Reject, ...]
    duplicates: int
    not_finite: int
    empty: tuple[str, ...]


def clean_entities(table: Table, key: str, known: Mapping[str, Attribute]) -> CleanEntities:
    """Column ``key`` holds ids, all others attributes, of the kind in ``known`` or else inferred.

    Left out, with a reason: rows whose id is none, and rows with a value that cannot be of a known kind. Numbers that
    are not finite and empty columns are left out of the rows. Of rows with one id the last one counts.
    """
    columns: list[tuple[Attribute, list[Any]]] = []
    empty: list[str] = []
    not_finite = 0
    for column in table.frame.drop(key):
        values, dropped = _finite(column)
        not_finite += dropped
        present = [value for value in values if value not in (None, ())]
        if not present:
            empty.append(column.name)
            continue
        attribute = _completed(known.get(column.name) or infer_attribute(column.name, present), present)
        columns.append((attribute, values))
    keys = ids(table, key)
    bad = pl.DataFrame({key: keys}).select(bad_id(key).fill_null(value=True))[key]
    rows: dict[str, Attributes] = {}
    rejects: list[Reject] = []
    for n, (entity_id, is_bad) in enumerate(zip(keys, bad, strict=True)):
        try:
            if is_bad:
                raise InvalidInputError(f"{key} {ID_RULE}")
            rows[entity_id] = _attributes(columns, n)
        except InvalidInputError as error:
            rejects.append(table.reject(n, str(error)))
    duplicates = len(keys) - len(rejects) - len(rows)
    attributes = tuple(attribute for attribute, _ in columns)
    return CleanEntities(rows, attributes, tuple(rejects), duplicates, not_finite, tuple(empty))


def _completed(attribute: Attribute, values: Sequence[Any]) -> Attribute:
    """With the separator or size that was declared without one, as the values have it."""
    if attribute.kind is Kind.MULTI and attribute.separator is None:
        found = (mark for mark in SEPARATORS if any(isinstance(value, str) and mark in value for value in values))
        return replace(attribute, separator=next(found, None))
    if attribute.kind is Kind.EMBEDDING and not attribute.size:
        vector = convert(values[0], attribute)
        return replace(attribute, size=len(vector) if isinstance(vector, tuple) else 0)
    return attribute


def _finite(column: pl.Series) -> tuple[list[Any], int]:
    """Plain values, lists as tuples, with None for numbers that are not finite; and how many those were."""
    if column.dtype.is_float():
        bad = ~column.is_finite()
        return column.set(bad, None).to_list(), int(bad.sum())
    values: Sequence[Any] = column.to_list()
    if isinstance(column.dtype, pl.List):
        return [_tuple(value) for value in values], 0
    if column.dtype == pl.String:
        rest = [value for value in values if value is not None and not _NOT_FINITE.fullmatch(value)]
        dropped = len(values) - column.null_count() - len(rest)
        if dropped and rest and infer_attribute(column.name, rest).kind is Kind.NUMERIC:
            return [None if value is None or _NOT_FINITE.fullmatch(value) else value for value in values], dropped
    return list(values), 0


def _tuple(value: Sequence[Any] | None) -> tuple[Any, ...] | None:
    return None if value is None else tuple(part for part in value if part is not None)


def _attributes(columns: Sequence[tuple[Attribute, Sequence[Any]]], row: int) -> Attributes:
    found = ((attribute.name, _stored(values[row], attribute)) for attribute, values in columns)
    return {name: value for name, value in found if value not in (None, ())}


def _stored(value: Any, attribute: Attribute) -> AttributeValue | None:
    """As the kind wants it, except that whole numbers stay whole."""
    converted = convert(value, attribute)
    if attribute.kind is Kind.NUMERIC and converted is not None:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            return int(value)
    return converted

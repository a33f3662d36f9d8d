"""From a table to clean interactions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from firstlight.datasets.rejects import Reject, bad_file
from firstlight.datasets.tables import Table
from firstlight.domain import Interaction
from firstlight.domain.ids import CONTROL_CHARACTERS, ID_RULE, MAX_ID_BYTES
from firstlight.domain.values import EPOCH, microseconds_per_unit, parse_time, time_us

REQUIRED = ("user_id", "item_id")
_VALUE = ("rating", "value")
_ID = ("interaction_id", "id")
_COLUMNS = (*REQUIRED, *_VALUE, *_ID, "type", "timestamp")
_FIRST_US = time_us(datetime.min.replace(tzinfo=EPOCH.tzinfo))
_LAST_US = time_us(datetime.max.replace(tzinfo=EPOCH.tzinfo))
_NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity)$"


@dataclass(frozen=True)
class CleanInteractions:
    """``frame``: user_id, item_id, value, type, time_us, interaction_id; the last row of each identity."""

    frame: pl.DataFrame
    rejects: tuple[Reject, ...]
    duplicates: int
    not_finite: int
    ignored: tuple[str, ...]

    def interactions(self) -> Iterator[Interaction]:
        """All rows, in the file's order."""
        return (Interaction(*row) for row in self.frame.iter_rows())


def clean_interactions(table: Table, *, time_unit_us: float | None = None) -> CleanInteractions:
    """Columns ``user_id``, ``item_id`` and any of ``rating`` or ``value``, ``type``, ``timestamp``, and ``id`` or
    ``interaction_id``; others are ignored.

    Left out, with a reason: ids that are none, values that are no finite number, times that are none. Timestamps are
    numbers (``time_unit_us`` microseconds each; guessed from the largest by default) or ISO 8601, in UTC without a
    zone. Of rows with one identity, which is the given id or else (user, item, type, time), the last one counts.

    Raises:
        InvalidInputError: INPUT_FILE_INVALID: both columns of a pair are there, or a column is of a useless type.
    """
    frame = table.frame
    value, given_id = _one_of(table, _VALUE), _one_of(table, _ID)
    empty = pl.Series([None] * frame.height, dtype=pl.String)
    values = _numbers(table, value) if value else pl.Series([None] * frame.height, dtype=pl.Float64)
    raw_values = frame[value] if value else empty
    times = _times(table, time_unit_us) if "timestamp" in frame.columns else empty.cast(pl.Int64)
    raw_times = frame["timestamp"] if "timestamp" in frame.columns else empty
    clean = pl.DataFrame(
        {
            "user_id": ids(table, "user_id"),
            "item_id": ids(table, "item_id"),
            "value": values,
            "type": (ids(table, "type") if "type" in frame.columns else empty).fill_null(""),
            "time_us": times,
            "interaction_id": (ids(table, given_id) if given_id else empty).fill_null(""),
        }
    )
    not_finite = raw_values.str.contains(_NOT_FINITE) if raw_values.dtype == pl.String else ~values.is_finite()
    reasons = clean.select(
        reason=pl.coalesce(
            _bad_id("user_id", required=True),
            _bad_id("item_id", required=True),
            _bad_id("type", required=False),
            _bad_id("interaction_id", required=False),
            pl.when(not_finite).then(pl.lit(f"{value} is not finite")),
            pl.when(raw_values.is_not_null() & values.is_null()).then(pl.lit(f"{value} is not a number")),
            pl.when(raw_times.is_not_null() & times.is_null()).then(pl.lit("timestamp is not a time")),
        )
    )["reason"]
    good = clean.filter(reasons.is_null())
    kept = _last_of_each(good)
    return CleanInteractions(
        kept,
        tuple(table.reject(row, reasons[row]) for row in reasons.is_not_null().arg_true()),
        duplicates=good.height - kept.height,
        not_finite=int(not_finite.sum()),
        ignored=tuple(name for name in frame.columns if name not in _COLUMNS),
    )


def ids(table: Table, name: str) -> pl.Series:
    """A column as ids: strings as they are, whole numbers in digits.

    Raises:
        InvalidInputError: INPUT_FILE_INVALID: it holds lists, times or truth values.
    """
    column = table.frame[name]
    if column.dtype.is_float():
        column = column.set(~column.is_finite(), None)
        if (column == column.floor()).all():  # whole numbers beside gaps are often stored as floats
            column = column.cast(pl.Int64, strict=False)
    if column.dtype == pl.String or column.dtype.is_numeric():
        return column.cast(pl.String)
    raise bad_file(table.path, f"column {name!r} holds {column.dtype}, not ids")


def bad_id(name: str) -> pl.Expr:
    """Whether the string column ``name``, where it is not null, breaks the rule of ids."""
    column = pl.col(name)
    return (column == "") | (column.str.len_bytes() > MAX_ID_BYTES) | column.str.contains(_POLARS_CONTROL)


_POLARS_CONTROL = CONTROL_CHARACTERS.replace(r"\x9f", r"\x{9f}")


def _bad_id(name: str, *, required: bool) -> pl.Expr:
    bad = (bad_id(name) | pl.col(name).is_null()) if required else bad_id(name) & (pl.col(name) != "")
    return pl.when(bad).then(pl.lit(f"{name} {ID_RULE}"))


def _one_of(table: Table, names: tuple[str, str]) -> str | None:
    found = [name for name in names if name in table.frame.columns]
    if len(found) > 1:
        raise bad_file(table.path, f"has both a column {names[0]!r} and a column {names[1]!r}; keep one")
    return found[0] if found else None


def _numbers(table: Table, name: str) -> pl.Series:
    """float64, null where there is no number."""
    column = table.frame[name]
    if not (column.dtype in (pl.String, pl.Boolean) or column.dtype.is_numeric()):
        raise bad_file(table.path, f"column {name!r} holds {column.dtype}, not numbers")
    return column.cast(pl.Float64, strict=False)


def _times(table: Table, unit_us: float | None) -> pl.Series:
    """Microseconds since 1970 as int64, null where there is no time between the years 1 and 9999."""
    column = table.frame["timestamp"]
    if column.dtype == pl.Datetime:
        return column.dt.epoch("us")
    if not (column.dtype == pl.String or column.dtype.is_numeric()):
        raise bad_file(table.path, f"column 'timestamp' holds {column.dtype}, not times")
    numbers = column.cast(pl.Int64, strict=False)
    if numbers.null_count() > column.null_count() or column.dtype.is_float():
        numbers = column.cast(pl.Float64, strict=False)
        numbers = numbers.set(~numbers.is_finite(), None)
    if numbers.null_count() == numbers.len() or _mostly_text(column, numbers):
        return pl.Series([_time(text) for text in column.cast(pl.String)], dtype=pl.Int64)
    unit = unit_us or microseconds_per_unit(float(numbers.abs().max() or 0))  # type: ignore[arg-type]
    scaled = numbers * int(unit) if unit >= 1 and numbers.dtype == pl.Int64 else (numbers * unit).round()
    in_range = scaled.is_between(_FIRST_US, _LAST_US) & (numbers * unit).is_between(_FIRST_US, _LAST_US)
    return scaled.set(~in_range, None).cast(pl.Int64, strict=False)


def _mostly_text(column: pl.Series, numbers: pl.Series) -> bool:
    """Whether more than half of the times are no plain numbers, or all look like days such as 20240501."""
    if column.dtype != pl.String:
        return False
    present = column.len() - column.null_count()
    return 2 * (numbers.null_count() - column.null_count()) > present or bool((column.str.len_chars() == 8).all())


def _time(text: str | None) -> int | None:
    try:
        return None if text is None else time_us(parse_time(text))
    except (ValueError, OverflowError):
        return None


def _last_of_each(frame: pl.DataFrame) -> pl.DataFrame:
    without = pl.col("interaction_id") == ""
    identity = [pl.when(without).then(pl.col(name)) for name in ("user_id", "item_id", "type", "time_us")]
    keys = [key.alias(f"key_{n}") for n, key in enumerate(identity)]
    names = [*(f"key_{n}" for n in range(len(keys))), "interaction_id"]
    return frame.with_columns(keys).unique(names, keep="last", maintain_order=True).select(frame.columns)

"""Readers that plugins register: which one reads a file, and its columns as a table."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from firstlight.datasets.rejects import Reject, bad_file
from firstlight.datasets.tables import BUILT_IN_SUFFIXES, Table, series
from firstlight.errors import InvalidInputError, PluginError
from firstlight.plugins import Plugins
from firstlight.roles import DatasetReader

_SUFFIX = re.compile(r"(\.[^\s./\\]+)+")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Readers:
    """Readers by the ending they read: (registered name, reader). ``failed``: why those cannot be used that cannot."""

    by_suffix: dict[str, tuple[str, DatasetReader]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, plugins: Plugins, settings: Mapping[str, Mapping[str, Any]]) -> Self:
        """Every registered reader with its settings, the tables ``[plugins.<reader>]``.

        One that cannot be made, or wants an ending that is built in or another's, is logged and left out.

        Raises:
            InvalidInputError: SETTINGS_INVALID: a setting cannot be used.
            PluginError: a reader cannot be used, and ``plugins`` are strict.
        """
        found = cls()
        for registration in plugins.of_role("dataset_reader"):
            name = registration.name
            try:
                reader = registration.create(settings.get(name))
                suffixes = found._checked(reader.suffixes)
            except InvalidInputError:
                raise
            except Exception as error:  # whatever a plugin raises, the others read
                if plugins.strict:
                    raise PluginError(f"dataset reader {name!r} cannot be used: {error}") from error
                log.warning("dataset reader %s cannot be used: %s", name, error, exc_info=error)
                found.failed[name] = _line(error)
            else:
                found.by_suffix.update(dict.fromkeys(suffixes, (name, reader)))
        return found

    def find(self, path: Path) -> tuple[str, DatasetReader] | None:
        """Who reads ``path``: of several endings that fit, the longest counts; None where nobody does."""
        name = path.name.lower()
        fitting = [suffix for suffix in self.by_suffix if name.endswith(suffix)]
        return self.by_suffix[max(fitting, key=len)] if fitting else None

    def read(self, path: Path, required: Sequence[str]) -> Table | None:
        """The table in ``path``; None where no plugin reads files with its ending.

        Raises:
            InvalidInputError: INPUT_FILE_INVALID, naming reader and file: it failed, or answered no columns.
            OSError: there is no such file.
        """
        found = self.find(path)
        if found is None:
            return None
        path.stat()
        name, reader = found
        try:
            columns = _columns(reader.read(path))
        except (Exception, SystemExit) as error:  # whatever a plugin raises, the import says which one it was
            log.debug("dataset reader %s failed", name, exc_info=error)
            raise bad_file(path, f"dataset reader {name!r} failed: {_line(error)}") from error
        return _table(path, columns, required)

    def _checked(self, suffixes: Any) -> tuple[str, ...]:
        if isinstance(suffixes, str) or not isinstance(suffixes, Iterable):
            raise PluginError(f"suffixes must be a tuple of endings, is {suffixes!r}")
        wanted = tuple(suffixes)
        if not wanted:
            raise PluginError("it reads no ending")
        for suffix in wanted:
            if not isinstance(suffix, str) or not _SUFFIX.fullmatch(suffix) or suffix != suffix.lower():
                raise PluginError(f"{suffix!r} is no ending: use lower case, with the dot")
            if suffix.endswith(BUILT_IN_SUFFIXES):
                raise PluginError(f"files that end in {suffix} are read without plugins")
            if suffix in self.by_suffix:
                raise PluginError(f"files that end in {suffix} are read by {self.by_suffix[suffix][0]!r}")
        return wanted


def _columns(found: Any) -> dict[str, list[Any]]:
    """What a reader answered, as lists of plain values."""
    if not isinstance(found, Mapping):
        raise PluginError(f"it answered {type(found).__name__}, not a mapping of columns")
    columns: dict[str, list[Any]] = {}
    for name, values in found.items():
        if not isinstance(name, str) or not name.strip():
            raise PluginError(f"{name!r} is no column name")
        if name.strip() in columns:
            raise PluginError(f"it answered two columns {name.strip()!r}")
        if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
            raise PluginError(f"column {name!r} is {type(values).__name__}, not a sequence")
        columns[name.strip()] = [_plain(value, name, row) for row, value in enumerate(values, 1)]
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise PluginError(f"its columns have different lengths: {lengths}"[:300])
    return columns


def _plain(value: Any, column: str, row: int) -> Any:
    """A value as None, str, int, float, bool, a datetime in UTC without zone, or a list of str or numbers."""
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]")
    if isinstance(value, np.generic):
        value = value.item()
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return value or None
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        case date():
            return datetime(value.year, value.month, value.day)
        case Decimal():
            return float(value)
        case list() | tuple() | np.ndarray():
            return _parts(value, column, row)
    raise PluginError(f"column {column!r}, row {row}: {type(value).__name__} is no value of a column")


def _parts(values: Iterable[Any], column: str, row: int) -> list[Any]:
    parts = [_plain(part, column, row) for part in values]
    parts = [part for part in parts if part is not None]
    texts = sum(isinstance(part, str) for part in parts)
    numbers = sum(isinstance(part, int | float) and not isinstance(part, bool) for part in parts)
    if len(parts) not in (texts, numbers):
        raise PluginError(f"column {column!r}, row {row}: a list must hold only str, or only numbers")
    return parts if texts else [float(part) for part in parts]


def _table(path: Path, columns: Mapping[str, list[Any]], required: Sequence[str]) -> Table:
    """Rows whose ids are no text or numbers are left out: later, in a mixed column, they would have become text."""
    size = len(next(iter(columns.values()), ()))
    wrong = {
        row: name
        for name in reversed(required)
        for row, value in enumerate(columns.get(name, ()))
        if isinstance(value, bool | list | datetime)
    }
    kept = [row for row in range(size) if row not in wrong]
    frame = pl.DataFrame([_series(name, [values[row] for row in kept]) for name, values in columns.items()])
    rejects = (
        Reject(
            str(path),
            row + 1,
            f"{name} must be text or a whole number",
            {each: values[row] for each, values in columns.items() if values[row] is not None},
        )
        for row, name in sorted(wrong.items())
    )
    return Table(path, frame, [row + 1 for row in kept], tuple(rejects))


def _series(name: str, values: list[Any]) -> pl.Series:
    times = [isinstance(value, datetime) for value in values]
    if not any(times):
        return series(name, values)
    if sum(times) == sum(value is not None for value in values):
        return pl.Series(name, values, pl.Datetime("us"))
    return series(name, [each.isoformat() if time else each for each, time in zip(values, times, strict=True)])


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, PluginError) else f"{type(error).__name__}: {text}"[:500]

"""Files as tables: CSV (comma, tab, semicolon or bar), Parquet and JSON Lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

import polars as pl

from firstlight.datasets.readers import Readers
from firstlight.datasets.rejects import Reject, bad_file
from firstlight.datasets.tables import JSON_LINES, PARQUET, Table, is_built_in, series
from firstlight.errors import InvalidInputError, Reason

DELIMITERS = (",", "\t", ";", "|")
_SNIFF = 1 << 16


def read_table(path: Path, required: Sequence[str], readers: Readers | None = None) -> Table:
    """The table in a file, of the kind its name ends in: ``.parquet``, ``.pq``; ``.jsonl``, ``.ndjson``, ``.json``
    (one JSON object a line); what plugins' ``readers`` read; anything else is delimited text with a header, in UTF-8.

    Raises:
        InvalidInputError: INPUT_FILE_INVALID: there is no such file, it is of another format, it has no rows, or one
            of the ``required`` columns is missing.
    """
    readers = readers or Readers()
    try:
        return _read(path, required, readers)
    except InvalidInputError as error:
        if is_built_in(path) or readers.find(path) or not path.suffix or not path.exists():
            raise
        failed = "; ".join(f"dataset reader {name!r} cannot be used: {why}" for name, why in readers.failed.items())
        hint = failed or f"it was taken for delimited text, as no loaded plugin reads {path.suffix} files"
        raise InvalidInputError(
            f"{error}; {hint}", reason=Reason.INPUT_FILE_INVALID, metadata=error.metadata
        ) from error


def _read(path: Path, required: Sequence[str], readers: Readers) -> Table:
    read: Callable[[Path, Sequence[str]], Table] = _read_text
    if path.name.lower().endswith(PARQUET):
        read = _read_parquet
    elif path.name.lower().endswith(JSON_LINES):
        read = _read_json_lines
    try:
        table = readers.read(path, required) or read(path, required)
    except UnicodeDecodeError as error:
        raise bad_file(path, f"is not UTF-8 text (byte {error.start}); convert it first") from error
    except OSError as error:
        raise bad_file(path, (error.strerror or str(error)).lower()) from error
    if not table.lines:
        reason = f"; line {table.rejects[0].line}: {table.rejects[0].reason}" if table.rejects else ""
        raise bad_file(path, f"has no usable rows{reason}")
    missing = [name for name in required if name not in table.frame.columns]
    if missing:
        raise bad_file(path, _missing(missing, table.frame.columns))
    return table


def _missing(missing: Iterable[str], found: Iterable[str]) -> str:
    names = ", ".join(map(repr, missing))
    return f"has no column {names}; its columns: {', '.join(found)}"[:500]


def _read_text(path: Path, required: Sequence[str]) -> Table:
    with _open_text(path) as file:
        header = file.readline()
        if not header.strip():
            raise bad_file(path, "is empty, or its first line is")
        delimiter = max(
            DELIMITERS, key=lambda d: (sum(name in _split(header, d) for name in required), header.count(d))
        )
        names = _split(header, delimiter)
        if missing := [name for name in required if name not in names]:
            raise bad_file(path, _missing(missing, names))
        named = [name for name in names if name]
        if len(set(named)) < len(named):
            raise bad_file(path, "has two columns of the same name")
        rows, lines, rejects = _rows(path, csv.reader(file, delimiter=delimiter, skipinitialspace=True), len(names))
    columns = {name: column for name, column in zip(names, zip(*rows, strict=True), strict=False) if name}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(named, pl.String))
    trimmed = pl.all().str.strip_chars()
    frame = frame.select(pl.when(trimmed != "").then(trimmed).name.keep())
    left_out = tuple(f"column {n + 1} (has no name)" for n, name in enumerate(names) if not name)
    return Table(path, frame, lines, rejects, left_out)


def _split(header: str, delimiter: str) -> list[str]:
    return [name.strip() for name in next(csv.reader([header], delimiter=delimiter, skipinitialspace=True))]


def _rows(path: Path, reader: Any, width: int) -> tuple[list[list[str]], list[int], tuple[Reject, ...]]:
    rows, lines, rejects = [], [], []
    try:
        for row in reader:
            line = reader.line_num + 1  # the header was read before
            if len(row) == width:
                rows.append(row)
                lines.append(line)
            elif row:
                rejects.append(Reject(str(path), line, f"has {len(row)} fields, the header {width}", "\t".join(row)))
    except csv.Error as error:
        raise bad_file(path, f"line {reader.line_num + 1}: {error}") from error
    return rows, lines, tuple(rejects)


def _open_text(path: Path) -> TextIO:
    with path.open("rb") as file:
        if b"\0" in file.read(_SNIFF):
            raise bad_file(path, "is binary data, not text; Parquet files end in .parquet")
    return path.open(encoding="utf-8-sig", newline="")


def _read_json_lines(path: Path, required: Sequence[str]) -> Table:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    rejects: list[Reject] = []
    with _open_text(path) as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except (ValueError, RecursionError):
                row = None
            problem = _no_row(row, required)
            if problem:
                rejects.append(Reject(str(path), line, problem, text.rstrip("\n")))
            else:
                rows.append(row)
                lines.append(line)
    names = dict.fromkeys(name for row in rows for name in row)
    frame = pl.DataFrame([series(name, [row.get(name) for row in rows]) for name in names])
    return Table(path, frame, lines, tuple(rejects))


def _no_row(row: object, required: Sequence[str]) -> str:
    """Why a JSON value is no row, empty where it is one. Later a mixed column is text: here ids still have types."""
    if not isinstance(row, dict):
        return "is not a JSON object"
    wrong = [name for name in required if isinstance(row.get(name), bool | list | dict)]
    return f"{wrong[0]} must be text or a whole number" if wrong else ""


def _read_parquet(path: Path, _required: Sequence[str]) -> Table:
    with path.open("rb"):  # an absent file gets its own message
        pass
    try:
        frame = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise bad_file(path, "is not a readable Parquet file") from error
    columns, left_out = [], []
    for column in frame:
        plain = _plain(column)
        if plain is None:
            left_out.append(f"{column.name} (type {column.dtype})")
        else:
            columns.append(plain)
    return Table(path, pl.DataFrame(columns), range(1, frame.height + 1), left_out=tuple(left_out))


def _plain(column: pl.Series) -> pl.Series | None:
    """A Parquet column as one of a table's types, None where it has no such meaning."""
    kind = column.dtype
    if kind == pl.String:
        return column.replace("", None)
    if kind in (pl.Categorical, pl.Enum, pl.Null):
        return column.cast(pl.String)
    if isinstance(kind, pl.Decimal):
        return column.cast(pl.Float64)
    if kind in (pl.Date, pl.Datetime):
        return column.cast(pl.Datetime("us"))  # in UTC, also where a zone was given
    if isinstance(kind, pl.Array):
        column = column.arr.to_list()
        kind = column.dtype
    if isinstance(kind, pl.List):
        return column if kind.inner == pl.String or kind.inner.is_numeric() else None
    return column if kind.is_numeric() or kind == pl.Boolean else None

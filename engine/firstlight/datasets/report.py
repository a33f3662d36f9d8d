"""What an import did, for people and for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from firstlight.domain import Attribute, Kind, Schema

_INDENT = "  "


@dataclass(frozen=True)
class FileReport:
    """One file: how many ``rows`` it has and what became of them.

    ``reasons``: why rows were left out, with counts; ``duplicates``: rows that a later one replaced; ``not_finite``:
    numbers that were NaN or infinite; ``empty_columns`` hold nothing; ``ignored_columns`` have no meaning here.
    """

    file: str
    rows: int
    kept: int
    rejected: int
    reasons: Mapping[str, int]
    duplicates: int = 0
    not_finite: int = 0
    empty_columns: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportReport:
    """A whole import. ``unknown_users`` and ``unknown_items``: made from interactions alone, without attributes.

    ``schema`` is the catalogue's from now on; ``reject_file`` holds the rows left out, None where there are none.
    """

    catalog_id: str
    schema: Schema
    positive_reason: str
    interactions: FileReport | None = None
    items: FileReport | None = None
    users: FileReport | None = None
    interactions_written: int = 0
    interactions_unchanged: int = 0
    unknown_users: int = 0
    unknown_items: int = 0
    reject_file: Path | None = None

    @property
    def rejected(self) -> int:
        """Rows left out of all files."""
        return sum(file.rejected for file in (self.interactions, self.items, self.users) if file)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary of all fields."""
        path = None if self.reject_file is None else str(self.reject_file)
        return {**asdict(self), "rejected": self.rejected, "schema": self.schema.to_json(), "reject_file": path}

    def to_text(self) -> str:
        """A few lines for a terminal."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        for name, file in (("users", self.users), ("items", self.items), ("interactions", self.interactions)):
            if file:
                yield from _file_lines(name, file)
        if self.interactions:
            yield f"{_INDENT}{self.interactions_written:,} new or changed, {self.interactions_unchanged:,} as before"
            if self.unknown_users or self.unknown_items:
                yield f"{_INDENT}only in interactions: {self.unknown_users:,} users, {self.unknown_items:,} items"
        for name, attributes in (("Users", self.schema.users), ("Items", self.schema.items)):
            if attributes:
                yield f"{name}: {', '.join(map(_attribute, attributes))}"
        if self.schema.has_values:
            yield f"Positive: a value of at least {self.schema.positive_value:g} ({self.positive_reason})"
        if self.reject_file:
            yield f"{self.rejected:,} rows left out, with reasons: {self.reject_file}"
        if self.schema.users or self.schema.items:
            yield "Wrong kinds can be fixed in a schema.toml: firstlight import --schema schema.toml ..."


def file_report(file: Path, rows: int, kept: int, reasons: Iterable[str], **counts: Any) -> FileReport:
    """A report on a file; ``reasons``: one for each row left out."""
    counted = Counter(reasons)
    return FileReport(str(file), rows, kept, counted.total(), dict(counted.most_common()), **counts)


def _file_lines(name: str, file: FileReport) -> Iterable[str]:
    yield f"{name}: {file.rows:,} rows in {file.file}, {file.kept:,} kept"
    for reason, count in list(file.reasons.items())[:10]:
        yield f"{_INDENT}left out {count:,}: {reason}"
    if file.duplicates:
        yield f"{_INDENT}{file.duplicates:,} duplicates: the last row counts"
    if file.not_finite:
        yield f"{_INDENT}{file.not_finite:,} numbers that are not finite"
    if file.empty_columns:
        yield f"{_INDENT}empty columns: {', '.join(file.empty_columns)}"
    if file.ignored_columns:
        yield f"{_INDENT}ignored columns: {', '.join(file.ignored_columns)}"


def _attribute(attribute: Attribute) -> str:
    more = ""
    if attribute.kind is Kind.MULTI and attribute.separator:
        more = f" at {attribute.separator!r}"
    if attribute.kind is Kind.EMBEDDING:
        more = f" of {attribute.size}"
    return f"{attribute.name} ({attribute.kind.value}{more})"

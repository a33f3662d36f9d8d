"""Files into a store: read and clean everything, then write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from firstlight.datasets.entities import CleanEntities, clean_entities
from firstlight.datasets.interactions import REQUIRED, CleanInteractions, clean_interactions
from firstlight.datasets.readers import Readers
from firstlight.datasets.reading import read_table
from firstlight.datasets.rejects import Reject, write_rejects
from firstlight.datasets.report import FileReport, ImportReport, file_report
from firstlight.datasets.schema_file import SchemaFile, read_schema_file
from firstlight.datasets.tables import Table
from firstlight.domain import Attribute, Interaction, Item, Schema, User
from firstlight.domain.inference import infer_positive_value
from firstlight.errors import InvalidInputError, Reason, Violation
from firstlight.roles import Progress, no_progress
from firstlight.store import Store

BATCH = 10_000
"""Rows in one transaction: others can write in between, and an import that was cut off is simply repeated."""
MAX_VIOLATIONS = 20

T = TypeVar("T")


@dataclass(frozen=True)
class _Clean:
    """Everything read, before anything is written."""

    interactions: CleanInteractions | None
    items: CleanEntities | None
    users: CleanEntities | None
    reports: Mapping[str, FileReport]
    rejects: Sequence[Reject]


def import_files(
    store: Store,
    catalog_id: str,
    *,
    interactions: Path | None,
    items: Path | None = None,
    users: Path | None = None,
    schema: Path | None = None,
    strict: bool = False,
    reject_dir: Path,
    readers: Readers | None = None,
    progress: Progress = no_progress,
) -> ImportReport:
    """Read files into a catalogue, which is made where it does not exist. Doing it twice changes nothing.

    Rows that cannot be used are left out and written to a file in ``reject_dir``; with ``strict`` they are an error
    and nothing is written. The kinds of attributes, once settled, hold for later imports until ``schema`` (see
    :mod:`firstlight.datasets.schema_file`) changes them. Duplicates, empty columns and users or items that only
    interactions name are counted and are no reason to refuse. ``readers``: those of plugins, for other formats.

    Raises:
        InvalidInputError: INPUT_FILE_INVALID: a file cannot be used at all, or ``strict`` and rows cannot.
    """
    declared = read_schema_file(schema)
    earlier = store.catalog_schema(catalog_id) or Schema()
    paths = {"interactions": interactions, "items": items, "users": users}
    clean = _read(paths, declared, earlier, readers or Readers(), progress)
    if strict and clean.rejects:
        raise _refused(clean.rejects)
    merged, positive_reason = _merge(earlier, declared, clean)
    unknown_users, unknown_items = _unknown(store, catalog_id, clean)
    store.set_catalog_schema(catalog_id, merged)
    written, unchanged = _write(store, catalog_id, clean, progress)
    return ImportReport(
        catalog_id=catalog_id,
        schema=merged,
        positive_reason=positive_reason,
        **clean.reports,
        interactions_written=written,
        interactions_unchanged=unchanged,
        unknown_users=unknown_users,
        unknown_items=unknown_items,
        reject_file=_save(clean.rejects, reject_dir, catalog_id),
    )


def _read(
    paths: Mapping[str, Path | None], declared: SchemaFile, earlier: Schema, readers: Readers, progress: Progress
) -> _Clean:
    reports: dict[str, FileReport] = {}
    rejects: list[Reject] = []

    def read(path: Path, required: Sequence[str]) -> Table:
        progress(f"reading {path.name}", 0.0)
        table = read_table(path, required, readers)
        progress(f"reading {path.name}", 0.5)
        return table

    def entities(name: str, key: str, known: Sequence[Attribute]) -> CleanEntities | None:
        path = paths[name]
        if path is None:
            return None
        table = read(path, [key])
        names = {attribute.name: attribute for attribute in known}
        declared.check_names(name, [*table.frame.columns, *names])
        found = clean_entities(table, key, {**names, **declared.attributes(name)})
        left_out = [*table.rejects, *found.rejects]
        rejects.extend(left_out)
        reports[name] = file_report(
            path,
            len(table.lines) + len(table.rejects),
            len(found.rows),
            (one.reason for one in left_out),
            duplicates=found.duplicates,
            not_finite=found.not_finite,
            empty_columns=found.empty,
            ignored_columns=table.left_out,
        )
        progress(f"reading {path.name}", 1.0)
        return found

    clean_users = entities("users", "user_id", earlier.users)
    clean_items = entities("items", "item_id", earlier.items)
    clean = None
    path = paths["interactions"]
    if path is not None:
        table = read(path, REQUIRED)
        clean = clean_interactions(table, time_unit_us=declared.time_unit_us)
        left_out = [*table.rejects, *clean.rejects]
        rejects.extend(left_out)
        reports["interactions"] = file_report(
            path,
            len(table.lines) + len(table.rejects),
            clean.frame.height,
            (one.reason for one in left_out),
            duplicates=clean.duplicates,
            not_finite=clean.not_finite,
            ignored_columns=(*clean.ignored, *table.left_out),
        )
        progress(f"reading {path.name}", 1.0)
    return _Clean(clean, clean_items, clean_users, reports, rejects)


def _refused(rejects: Sequence[Reject]) -> InvalidInputError:
    first = rejects[0]
    return InvalidInputError(
        f"{len(rejects)} rows cannot be used and nothing was imported; the first: {first.file} line {first.line}: "
        f"{first.reason}",
        violations=[Violation(f"{one.file}:{one.line}", one.reason) for one in rejects[:MAX_VIOLATIONS]],
        total=len(rejects),
        reason=Reason.INPUT_FILE_INVALID,
    )


def _merge(earlier: Schema, declared: SchemaFile, clean: _Clean) -> tuple[Schema, str]:
    """The catalogue's schema from now on, and where its positive value comes from."""
    positive, reason = earlier.positive_value, "settled by an earlier import"
    has_values, has_times, types = earlier.has_values, earlier.has_times, set(earlier.types)
    if clean.interactions is not None:
        frame = clean.interactions.frame
        values = frame["value"].drop_nulls()
        if len(values) and not has_values:
            positive, reason = infer_positive_value(values.to_list())
        has_values = has_values or len(values) > 0
        has_times = has_times or frame["time_us"].null_count() < frame.height
        types |= set(frame["type"].unique())
    if declared.positive_value is not None:  # whoever says which values are positive says that there are values
        positive, reason, has_values = declared.positive_value, "from the schema file", True
    return replace(
        earlier,
        users=_attributes(earlier.users, declared.users, clean.users),
        items=_attributes(earlier.items, declared.items, clean.items),
        has_values=has_values,
        has_times=has_times,
        types=tuple(sorted(types)),
        positive_value=positive,
    ), reason


def _attributes(
    earlier: Iterable[Attribute], declared: Mapping[str, Attribute], clean: CleanEntities | None
) -> tuple[Attribute, ...]:
    """Earlier attributes in their order, then new ones; what the file's columns turned out to be replaces both."""
    merged = {attribute.name: declared.get(attribute.name, attribute) for attribute in earlier}
    merged |= {attribute.name: attribute for attribute in (clean.attributes if clean else ())}
    return tuple(merged.values())


def _unknown(store: Store, catalog_id: str, clean: _Clean) -> tuple[int, int]:
    """How many users and items only the interactions name."""
    if clean.interactions is None:
        return 0, 0
    frame = clean.interactions.frame
    users = set(frame["user_id"].unique()) - (clean.users.rows.keys() if clean.users else set())
    items = set(frame["item_id"].unique()) - (clean.items.rows.keys() if clean.items else set())
    known_users, known_items = store.get_users(catalog_id, users), store.get_items(catalog_id, items)
    return len(users) - len(known_users), len(items) - len(known_items)


def _write(store: Store, catalog_id: str, clean: _Clean, progress: Progress) -> tuple[int, int]:
    """Write everything; how many interactions were new or changed, and how many were there."""
    if clean.users:
        users = [User(user_id, attributes) for user_id, attributes in clean.users.rows.items()]
        _in_batches("writing users", users, lambda part: store.upsert_users(catalog_id, part), progress)
    if clean.items:
        items = [Item(item_id, attributes) for item_id, attributes in clean.items.rows.items()]
        _in_batches("writing items", items, lambda part: store.upsert_items(catalog_id, part), progress)
    written = unchanged = 0

    def write(part: Sequence[Interaction]) -> None:
        nonlocal written, unchanged
        result = store.write_interactions(catalog_id, part)
        written += result.written
        unchanged += result.unchanged

    if clean.interactions:
        _in_batches("writing interactions", list(clean.interactions.interactions()), write, progress)
    return written, unchanged


def _in_batches(stage: str, rows: Sequence[T], write: Callable[[Sequence[T]], object], progress: Progress) -> None:
    progress(stage, 0.0)
    for start in range(0, len(rows), BATCH):
        write(rows[start : start + BATCH])
        progress(stage, min(1.0, (start + BATCH) / len(rows)))


def _save(rejects: Sequence[Reject], directory: Path, catalog_id: str) -> Path | None:
    if not rejects:
        return None
    path = directory / f"{catalog_id}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.jsonl"
    write_rejects(path, rejects)
    return path

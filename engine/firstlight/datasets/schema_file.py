"""``schema.toml``: what an import cannot know, or guesses wrongly. Every table and key is optional::

    [interactions]
    positive_value = 4.0   # an interaction counts as positive from this value on
    time_unit = "ms"       # of numeric timestamps: s, ms, us or ns; guessed from their size by default

    [items]                # attribute = kind, or a table with more
    title = "text"
    genres = { kind = "multi", separator = "|" }

    [users]
    zip_code = "ignore"

Kinds: id, categorical, multi, numeric, text, timestamp, embedding, ignore. Unknown keys are errors.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from firstlight.datasets.rejects import bad_file
from firstlight.domain import Attribute, Kind

TIME_UNITS_US = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
_TABLES = ("interactions", "items", "users")


@dataclass(frozen=True)
class SchemaFile:
    """What a ``schema.toml`` says; an empty one says nothing."""

    path: Path | None = None
    positive_value: float | None = None
    time_unit_us: float | None = None
    items: Mapping[str, Attribute] = field(default_factory=dict)
    users: Mapping[str, Attribute] = field(default_factory=dict)

    def attributes(self, table: str) -> Mapping[str, Attribute]:
        """Those of ``items`` or ``users``, by name."""
        return self.items if table == "items" else self.users

    def check_names(self, table: str, known: Iterable[str]) -> None:
        """Raise InvalidInputError where an attribute of ``items`` or ``users`` is none of ``known``."""
        names = list(known)
        for name in self.attributes(table):
            if name not in names and self.path:
                raise bad_file(self.path, f"[{table}] names {name!r}, which is no column{_hint(name, names)}")


def read_schema_file(path: Path | None) -> SchemaFile:
    """The declarations in ``path``; none without one.

    Raises:
        InvalidInputError: INPUT_FILE_INVALID.
    """
    if path is None:
        return SchemaFile()
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise bad_file(path, (error.strerror or str(error)).lower()) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise bad_file(path, f"is not valid TOML: {error}") from error
    _check_keys(path, document, _TABLES, "")
    for name, table in document.items():
        if not isinstance(table, dict):
            raise bad_file(path, f"{name} must be a table: [{name}]")
    rules = document.get("interactions", {})
    _check_keys(path, rules, ("positive_value", "time_unit"), "interactions.")
    positive = rules.get("positive_value")
    is_number = isinstance(positive, int | float) and not isinstance(positive, bool) and math.isfinite(positive)
    if positive is not None and not is_number:
        raise bad_file(path, "interactions.positive_value must be a number")
    unit = rules.get("time_unit")
    if unit is not None and unit not in TIME_UNITS_US:
        raise bad_file(path, f"interactions.time_unit must be one of {', '.join(TIME_UNITS_US)}")
    return SchemaFile(
        path=path,
        positive_value=None if positive is None else float(positive),
        time_unit_us=None if unit is None else TIME_UNITS_US[unit],
        items=_attributes(path, document, "items"),
        users=_attributes(path, document, "users"),
    )


def _attributes(path: Path, document: Mapping[str, Any], table: str) -> dict[str, Attribute]:
    return {name: _attribute(path, f"{table}.{name}", name, rule) for name, rule in document.get(table, {}).items()}


def _attribute(path: Path, where: str, name: str, rule: Any) -> Attribute:
    rule = {"kind": rule} if isinstance(rule, str) else rule
    if not isinstance(rule, dict) or "kind" not in rule:
        raise bad_file(path, f'{where} needs a kind, such as {name} = "text"')
    _check_keys(path, rule, ("kind", "separator", "size"), f"{where}.")
    if rule["kind"] not in list(Kind):
        raise bad_file(path, f"{where}: unknown kind {rule['kind']!r}; one of {', '.join(Kind)}")
    separator, size = rule.get("separator"), rule.get("size", 0)
    if separator is not None and (not isinstance(separator, str) or not separator):
        raise bad_file(path, f"{where}.separator must be text")
    if not isinstance(size, int) or size < 0:
        raise bad_file(path, f"{where}.size must be a whole number")
    return Attribute(name, Kind(rule["kind"]), separator, size)


def _check_keys(path: Path, table: Mapping[str, Any], valid: Iterable[str], prefix: str) -> None:
    for name in table:
        if name not in valid:
            raise bad_file(path, f"unknown key {prefix}{name}{_hint(name, valid)}")


def _hint(name: str, valid: Iterable[str]) -> str:
    names = list(valid)
    nearest = get_close_matches(name, names, 1)
    return f"; did you mean {nearest[0]!r}?" if nearest else f"; valid: {', '.join(names)}"

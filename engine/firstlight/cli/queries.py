"""Queries from a JSON Lines file, and from options such as ``--profile age=25``."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firstlight.domain import Attributes, AttributeValue, HistoryEntry, Query
from firstlight.domain.ids import ID_RULE, is_valid_id
from firstlight.errors import InvalidInputError, Reason, Violation

QUERY_KEYS = ("query_id", "user_id", "profile", "history", "candidates", "exclude")
ENTRY_KEYS = ("item_id", "rating", "type", "timestamp")


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """One line of a queries file; ``line`` is its number."""

    query_id: str
    query: Query
    line: int


class _FieldError(Exception):
    """What is wrong with which field."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field} {text}" if field else text)
        self.field = field
        self.text = text


def read_queries(path: Path, *, limit: int) -> Iterator[NamedQuery]:
    """The queries in ``path``, one JSON object a line, each asking for ``limit`` items; empty lines are skipped.

    Raises:
        InvalidInputError: there is no such file, or a line cannot be used; names the file, the line and the field.
    """
    try:
        lines = path.open("rb")
    except OSError as error:
        text = f"{path}: {(error.strerror or str(error)).lower()}"
        raise InvalidInputError(text, reason=Reason.INPUT_FILE_INVALID) from error
    with lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                query_id, query = _named_query(_json_object(line), limit)
                yield NamedQuery(query_id, query, number)
            except _FieldError as problem:
                raise InvalidInputError(
                    f"{path}, line {number}: {problem}",
                    violations=[Violation(problem.field or "line", problem.text)],
                    reason=Reason.INPUT_FILE_INVALID,
                ) from None


def profile_of(pairs: Sequence[str]) -> Attributes:
    """``["age=25", "gender=F"]`` as attributes; the engine converts each string by the attribute's kind."""
    profile: dict[str, AttributeValue] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InvalidInputError(f"--profile {pair!r} is not NAME=VALUE, such as age=25")
        profile[name] = value
    return profile


def history_of(pairs: Sequence[str]) -> tuple[HistoryEntry, ...]:
    """``["50=5", "100"]`` as history, oldest first: an item with a rating, and one without."""
    entries = []
    for pair in pairs:
        item_id, equals, value = pair.rpartition("=")
        if not equals:
            item_id = value
        try:
            entry = {"item_id": item_id, **({"rating": float(value)} if equals else {})}
            entries.append(_entry(entry, "--history"))
        except ValueError:
            raise InvalidInputError(f"--history {pair!r}: {value!r} is not a rating, as in ITEM=4") from None
        except _FieldError as problem:
            raise InvalidInputError(f"--history {pair!r}: {problem.text}") from None
    return tuple(entries)


def _json_object(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _FieldError("", f"not valid UTF-8 at byte {error.start + 1}") from None
    except RecursionError:
        raise _FieldError("", "not valid JSON: nested too deep") from None
    except ValueError as error:
        raise _FieldError("", f"not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise _FieldError("", "not a JSON object")
    return data


def _named_query(data: dict[str, Any], limit: int) -> tuple[str, Query]:
    _only(data, QUERY_KEYS, "")
    user_id = data.get("user_id")
    candidates = data.get("candidates")
    query = Query(
        user_id=None if user_id is None else _id(user_id, "user_id"),
        profile=_profile(data.get("profile")),
        history=tuple(_entry(entry, f"history[{n}]") for n, entry in enumerate(_list(data.get("history"), "history"))),
        candidates=None if candidates is None else _ids(candidates, "candidates"),
        exclude=_ids(data.get("exclude"), "exclude"),
        limit=limit,
    )
    return _id(data.get("query_id"), "query_id"), query


def _only(data: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    unknown = [key for key in data if key not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
        raise _FieldError(
            where or unknown[0], f"has an unknown key {unknown[0]!r}{hint}" if where else f"is unknown{hint}"
        )


def _id(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise _FieldError(field, "is missing" if value is None else f"must be a string, not {json.dumps(value):.40}")
    if not is_valid_id(value):
        raise _FieldError(field, ID_RULE)
    return value


def _list(value: object, field: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _FieldError(field, "must be a list")
    return value


def _ids(value: object, field: str) -> tuple[str, ...]:
    return tuple(_id(one, f"{field}[{n}]") for n, one in enumerate(_list(value, field)))


def _profile(value: object) -> Attributes:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _FieldError("profile", "must be an object")
    return {name: _attribute(one, f"profile.{name}") for name, one in value.items() if one is not None}


def _attribute(value: object, field: str) -> AttributeValue:
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return _number(value, field)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if isinstance(value, list):
        return tuple(float(_number(one, f"{field}[{n}]")) for n, one in enumerate(value))
    raise _FieldError(field, "must be a string, a number, true, false, or a list of strings or numbers")


def _number(value: object, field: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise _FieldError(field, f"must be a finite number, not {json.dumps(value):.40}")
    return value


def _finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _entry(value: object, field: str) -> HistoryEntry:
    if not isinstance(value, dict):
        raise _FieldError(field, "must be an object")
    _only(value, ENTRY_KEYS, field)
    rating = value.get("rating")
    kind = value.get("type")
    if kind is not None and not isinstance(kind, str):
        raise _FieldError(f"{field}.type", "must be a string")
    return HistoryEntry(
        item_id=_id(value.get("item_id"), f"{field}.item_id"),
        value=None if rating is None else float(_number(rating, f"{field}.rating")),
        type=kind or "",
        time_us=_time_us(value.get("timestamp"), f"{field}.timestamp"),
    )


def _time_us(value: object, field: str) -> int | None:
    """Microseconds of a time given as seconds since 1970 or as ISO 8601 (UTC where it names no zone)."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            time = datetime.fromisoformat(value)
            moment = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
        else:
            moment = float(_number(value, field))
            datetime.fromtimestamp(moment, UTC)
    except (ValueError, OverflowError, OSError):
        raise _FieldError(field, "must be seconds since 1970 or an ISO 8601 time") from None
    return round(moment * 1_000_000)

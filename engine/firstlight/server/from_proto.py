"""Messages to domain objects. Everything that is wrong goes to the :class:`Checks`, with its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from firstlight.domain import AttributeValue as Value, HistoryEntry, Interaction, Item, Query, Route, User
from firstlight.server import limits
from firstlight.server.checks import Checks
from firstlight.v1 import interaction_pb2, item_pb2, recommendation_pb2, user_pb2
from firstlight.v1.attribute_pb2 import AttributeValue

MIN_SECONDS, MAX_SECONDS = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999, as google.protobuf.Timestamp has it."""


_ROUTES: dict[int, Route | None] = {
    recommendation_pb2.ROUTE_UNSPECIFIED: None,
    recommendation_pb2.ROUTE_FULL: "full",
    recommendation_pb2.ROUTE_FAST: "fast",
}


class _Timed(Protocol):
    """A message with an optional time."""

    @property
    def time(self) -> Timestamp: ...

    def HasField(self, name: Any, /) -> bool: ...  # noqa: N802


def query(message: recommendation_pb2.Query, field: str, checks: Checks) -> Query:
    """One question. ``limit`` 0 is the default; the pipeline cuts one that is too large."""
    if message.limit < 0:
        checks.add(f"{field}.limit", "must not be negative")
    history: tuple[HistoryEntry, ...] = ()
    if checks.at_most(message.history, limits.MAX_HISTORY, f"{field}.history"):
        history = tuple(_entry(e, f"{field}.history", n, checks) for n, e in enumerate(message.history))
    return Query(
        user_id=checks.optional_id(message.user_id, f"{field}.user_id") or None,
        profile=attributes(message.profile, f"{field}.profile", checks),
        history=history,
        context=ids(message.context_item_ids, limits.MAX_CONTEXT, f"{field}.context_item_ids", checks),
        exclude=ids(message.exclude_item_ids, limits.MAX_EXCLUDE, f"{field}.exclude_item_ids", checks),
        limit=message.limit or limits.DEFAULT_LIMIT,
        include_seen=message.include_seen,
        route=_route(message.route, f"{field}.route", checks),
    )


def _route(value: int, field: str, checks: Checks) -> Route | None:
    if value not in _ROUTES:
        checks.add(field, f"{value} is no route")
    return _ROUTES.get(value)


def _entry(message: recommendation_pb2.HistoryEntry, field: str, n: int, checks: Checks) -> HistoryEntry:
    path = f"{field}[{n}]"
    return HistoryEntry(
        item_id=checks.id(message.item_id, f"{path}.item_id"),
        value=checks.finite(message.value, f"{path}.value") if message.HasField("value") else None,
        type=checks.optional_id(message.type, f"{path}.type"),
        time_us=_time_us(message, path, checks),
    )


def ids(values: Sequence[str], maximum: int, field: str, checks: Checks, *, empty: bool = True) -> tuple[str, ...]:
    """At most ``maximum`` ids, and where ``empty`` is false at least one."""
    if not (checks.at_most(values, maximum, field) if empty else checks.batch(values, maximum, field)):
        return ()
    return tuple(checks.id(value, f"{field}[{n}]") for n, value in enumerate(values))


def item(message: item_pb2.Item, field: str, checks: Checks) -> Item:
    """One item."""
    item_id = checks.id(message.item_id, f"{field}.item_id")
    return Item(item_id, attributes(message.attributes, f"{field}.attributes", checks))


def user(message: user_pb2.User, field: str, checks: Checks) -> User:
    """One user."""
    user_id = checks.id(message.user_id, f"{field}.user_id")
    return User(user_id, attributes(message.attributes, f"{field}.attributes", checks))


def interaction(message: interaction_pb2.Interaction, field: str, checks: Checks) -> Interaction:
    """One interaction."""
    return Interaction(
        user_id=checks.id(message.user_id, f"{field}.user_id"),
        item_id=checks.id(message.item_id, f"{field}.item_id"),
        value=checks.finite(message.value, f"{field}.value") if message.HasField("value") else None,
        type=checks.optional_id(message.type, f"{field}.type"),
        time_us=_time_us(message, field, checks),
        interaction_id=checks.optional_id(message.interaction_id, f"{field}.interaction_id"),
        attribution_token=checks.optional_id(message.attribution_token, f"{field}.attribution_token"),
    )


def attributes(messages: Mapping[str, AttributeValue], field: str, checks: Checks) -> dict[str, Value]:
    """A map of attributes."""
    found: dict[str, Value] = {}
    if checks.at_most(messages, limits.MAX_ATTRIBUTES, field):
        for name, message in messages.items():
            path = attribute_path(field, checks.id(name, f"{field} key"))
            value = _value(message, path, checks)
            if value is not None:
                found[name] = value
    return found


def attribute_path(field: str, name: str) -> str:
    """The path of one attribute in the map ``field``."""
    return f"{field}.{name:.100}"


def _value(message: AttributeValue, path: str, checks: Checks) -> Value | None:  # noqa: PLR0911  # one for each type
    match message.WhichOneof("value"):
        case "string_value":
            return _text(message.string_value, path, checks)
        case "double_value":
            return checks.finite(message.double_value, path)
        case "int64_value":
            return message.int64_value
        case "bool_value":
            return message.bool_value
        case "string_list_value":
            texts = message.string_list_value.values
            checks.at_most(texts, limits.MAX_STRINGS, path)
            return tuple(_text(text, path, checks) for text in texts[: limits.MAX_STRINGS])
        case "float_vector_value":
            numbers = message.float_vector_value.values
            checks.at_most(numbers, limits.MAX_VECTOR, path)
            return tuple(checks.finite(number, path) for number in numbers[: limits.MAX_VECTOR])
        case "timestamp_value":
            if _valid_time(message.timestamp_value, path, checks):
                return message.timestamp_value.ToDatetime(UTC)
            return None
    checks.add(path, "has no value")
    return None


def _text(text: str, path: str, checks: Checks) -> str:
    if len(text) > limits.MAX_STRING_BYTES // 4 and len(text.encode()) > limits.MAX_STRING_BYTES:
        checks.add(path, f"is longer than {limits.MAX_STRING_BYTES:,} bytes")
    return text


def _time_us(message: _Timed, field: str, checks: Checks) -> int | None:
    if not message.HasField("time") or not _valid_time(message.time, f"{field}.time", checks):
        return None
    return message.time.seconds * 1_000_000 + message.time.nanos // 1000


def _valid_time(time: Timestamp, path: str, checks: Checks) -> bool:
    if MIN_SECONDS <= time.seconds <= MAX_SECONDS and 0 <= time.nanos < 1_000_000_000:
        return True
    checks.add(path, "must lie in the years 1 to 9999")
    return False

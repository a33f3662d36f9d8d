"""Python values to attribute values, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from numbers import Integral, Real
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from firstlight.errors import InvalidInputError, Violation
from firstlight.v1.attribute_pb2 import AttributeValue, FloatVector, StringList

Value = str | bool | int | float | datetime | Iterable[str] | Iterable[float]
"""What an attribute can be; several strings are categories, several numbers an embedding."""


def pack(value: Any) -> AttributeValue:  # noqa: PLR0911  # one for each type
    """``value`` as a message. A datetime without a time zone is UTC.

    Raises:
        TypeError: no attribute can be of that type.
        ValueError: a number that fits no field.
    """
    match value:
        case str():
            return AttributeValue(string_value=value)
        case bool():
            return AttributeValue(bool_value=value)
        case Integral():
            return AttributeValue(int64_value=int(value))
        case Real():
            return AttributeValue(double_value=float(value))
        case datetime():
            return AttributeValue(timestamp_value=timestamp(value))
        case Iterable() if not isinstance(value, bytes | Mapping):
            values = list(value)
            if all(isinstance(v, str) for v in values):
                return AttributeValue(string_list_value=StringList(values=values))
            return AttributeValue(float_vector_value=FloatVector(values=values))
    raise TypeError(f"a {type(value).__name__} is no attribute value")


def pack_all(attributes: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """Each value as a message; None stands for an attribute that is not there.

    Raises:
        InvalidInputError: a value that no attribute can have.
    """
    packed = {}
    for name, value in attributes.items():
        if value is not None:
            try:
                packed[name] = pack(value)
            except (TypeError, ValueError) as error:
                violation = Violation(f"attributes.{name}", str(error))
                raise InvalidInputError(f"attribute {name!r}: {error}", violations=[violation]) from error
    return packed


def unpack(value: AttributeValue) -> Any:
    """Inverse of :func:`pack`; None where nothing is set. Several values are a tuple, a time is in UTC."""
    match value.WhichOneof("value"):
        case None:
            return None
        case "string_list_value":
            return tuple(value.string_list_value.values)
        case "float_vector_value":
            return tuple(value.float_vector_value.values)
        case "timestamp_value":
            return value.timestamp_value.ToDatetime(UTC)
        case field:
            return getattr(value, field)


def attributes_of(message: Any) -> dict[str, Any]:
    """The attributes of an ``Item`` or ``User`` message as Python values."""
    return {name: unpack(value) for name, value in message.attributes.items()}


def timestamp(time: datetime | float) -> Timestamp:
    """A datetime, or seconds since 1970, as a message of microsecond precision."""
    message = Timestamp()
    if isinstance(time, datetime):
        message.FromDatetime(time)
    else:
        message.FromMicroseconds(round(time * 1_000_000))
    return message


def duration(seconds: float) -> Duration:
    """Seconds as a message."""
    message = Duration()
    message.FromNanoseconds(round(seconds * 1_000_000_000))
    return message

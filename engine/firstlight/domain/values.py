"""Raw attribute values to what their kind means."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from firstlight.domain.schema import Attribute, AttributeValue, Kind
from firstlight.errors import InvalidInputError, Violation

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def convert(value: Any, attribute: Attribute) -> AttributeValue | None:
    """``value`` as ``attribute.kind`` wants it; None where there is nothing (None or an empty string).

    ``"25"`` is a number, ``"Comedy|Drama"`` two categories (split at ``attribute.separator``), ``"2024-05-01"`` a time.

    Raises:
        InvalidInputError: the value cannot be of that kind.
    """
    if value is None or value == "":
        return None
    try:
        return _convert(value, attribute)
    except (TypeError, ValueError, OverflowError) as error:
        text = f"{value!r:.60} is not a valid {attribute.kind.value} value"
        raise InvalidInputError(
            f"attribute {attribute.name!r}: {text}", violations=[Violation(attribute.name, text)]
        ) from error


def conflicts(attributes: Mapping[str, Any], declared: Sequence[Attribute]) -> list[Violation]:
    """One violation for each of ``attributes`` that cannot be of its declared kind; unknown names are no conflict."""
    found: list[Violation] = []
    for attribute in declared:
        try:
            convert(attributes.get(attribute.name), attribute)
        except InvalidInputError as error:
            found += error.violations
    return found


def is_number(text: str) -> bool:
    """Whether ``text`` writes a finite number, and not a code such as ``007``."""
    text = text.strip()
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        return False
    digits = text.lstrip("+-")
    return not (len(digits) > 1 and digits[0] == "0" and digits[1].isdigit())


def parse_time(value: datetime | float | str) -> datetime:
    """A time with its zone, UTC where it names none.

    Numbers count from 1970 in seconds, milliseconds, microseconds or nanoseconds: the largest unit that keeps them
    before the year 5138. Strings are such numbers, ISO 8601, or a year of four digits.

    Raises:
        TypeError, ValueError, OverflowError: it is no time.
    """
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"\d{4}", text):
            return datetime(int(text), 1, 1, tzinfo=UTC)
        if is_number(text) and not re.fullmatch(r"\d{8}", text):
            return parse_time(float(text))
        value = datetime.fromisoformat(text)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, bool):
        raise TypeError("a truth value")
    return EPOCH + timedelta(microseconds=round(value * microseconds_per_unit(value)))


def microseconds_per_unit(largest: float) -> float:
    """Microseconds in the unit of a number of time whose largest magnitude is ``largest`` (see :func:`parse_time`)."""
    magnitude = abs(largest)
    if magnitude < 1e11:
        return 1e6
    if magnitude < 1e14:
        return 1e3
    return 1.0 if magnitude < 1e17 else 1e-3


def time_us(time: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (time - EPOCH) // timedelta(microseconds=1)


def _convert(value: Any, attribute: Attribute) -> AttributeValue | None:
    match attribute.kind:
        case Kind.NUMERIC:
            return _finite(value)
        case Kind.TIMESTAMP:
            return parse_time(value)
        case Kind.MULTI:
            return tuple(_parts(value, attribute.separator))
        case Kind.EMBEDDING:
            return _vector(value, attribute)
        case Kind.IGNORE:
            found: AttributeValue = value
            return found
    if isinstance(value, tuple | list):
        raise TypeError("several values")
    return _token(value)


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _vector(value: Any, attribute: Attribute) -> tuple[float, ...]:
    if isinstance(value, str):
        value = value.strip().strip("[]()").replace(attribute.separator or ",", " ").split()
    vector = tuple(_finite(part) for part in value)
    if attribute.size and len(vector) != attribute.size:
        raise ValueError("wrong size")
    return vector


def _parts(value: Any, separator: str | None) -> Iterable[str]:
    parts = value.split(separator) if isinstance(value, str) and separator else value
    if not isinstance(parts, tuple | list):
        parts = (parts,)
    return (text for part in parts if (text := _token(part).strip()))


def _token(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

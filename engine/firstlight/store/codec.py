"""Attributes as JSON text, without loss: equal attributes give equal text and come back equal, types included.

Strings, whole numbers, other numbers and truth values are themselves (``5`` is an int, ``5.0`` a float); a time is
``{"time": "2024-05-01T00:00:00+00:00"}`` in UTC, several strings are ``{"list": [...]}`` and an embedding is
``{"vector": [...]}``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from firstlight.domain import Attributes, AttributeValue
from firstlight.errors import InvalidInputError, Violation


def encode(attributes: Attributes) -> str:
    """``attributes`` as text. A time without a zone is taken as UTC.

    Raises:
        InvalidInputError: a number is not finite, or a value is none of the types above.
    """
    plain = {name: _plain(name, value) for name, value in attributes.items()}
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


def decode(text: str) -> dict[str, AttributeValue]:
    """Inverse of :func:`encode`."""
    return {name: _value(value) for name, value in json.loads(text).items()} if text != "{}" else {}


def _plain(name: str, value: AttributeValue) -> Any:
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return _finite(name, value)
    if isinstance(value, datetime):
        return {"time": (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()}
    if isinstance(value, tuple) and all(isinstance(part, str) for part in value):
        return {"list": list(value)}
    if isinstance(value, tuple) and all(isinstance(part, int | float) for part in value):
        return {"vector": [_finite(name, float(part)) for part in value]}
    raise _bad(name, f"has the unsupported type {type(value).__name__}")


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise _bad(name, "is not a finite number")
    return value


def _bad(name: str, problem: str) -> InvalidInputError:
    return InvalidInputError(f"attribute {name!r} {problem}", violations=[Violation(f"attributes.{name}", problem)])


def _value(plain: Any) -> AttributeValue:
    if not isinstance(plain, Mapping):
        value: AttributeValue = plain
        return value
    ((tag, content),) = plain.items()
    return datetime.fromisoformat(content) if tag == "time" else tuple(content)

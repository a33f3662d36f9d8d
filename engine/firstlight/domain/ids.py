"""What an id may be: 1 to 256 bytes of valid UTF-8 without control characters, compared byte by byte."""

from __future__ import annotations

import re

from firstlight.errors import InvalidInputError, Violation

MAX_ID_BYTES = 256
ID_RULE = f"must be 1 to {MAX_ID_BYTES} bytes of valid UTF-8 without control characters"
CATALOG_RULE = "must be 1 to 63 characters of a-z, 0-9, _ and -"
DEFAULT_CATALOG = "default"

CONTROL_CHARACTERS = r"[\x00-\x1f\x7f-\x9f]"
_CONTROL = re.compile(CONTROL_CHARACTERS)
_CATALOG = re.compile(r"[a-z0-9_-]{1,63}")


def is_valid_id(value: str) -> bool:
    """Whether ``value`` may name an item, a user or an interaction."""
    if not value or len(value) > MAX_ID_BYTES:
        return False
    if value.isascii():
        return value.isprintable()
    if _CONTROL.search(value):
        return False
    try:
        return len(value.encode()) <= MAX_ID_BYTES
    except UnicodeEncodeError:  # lone surrogates
        return False


def validate_id(value: str, *, field: str) -> str:
    """``value`` where it is a valid id; ``field`` is its path in the request, such as ``items[3].item_id``.

    Raises:
        InvalidInputError: it is not, with one violation for ``field``.
    """
    if not is_valid_id(value):
        raise InvalidInputError(f"{field} {ID_RULE}", violations=[Violation(field, ID_RULE)])
    return value


def validate_catalog_id(value: str, *, field: str = "catalog_id") -> str:
    """``value`` where it is a valid catalog id.

    Raises:
        InvalidInputError: it is not, with one violation for ``field``.
    """
    if not _CATALOG.fullmatch(value):
        raise InvalidInputError(f"{field} {CATALOG_RULE}", violations=[Violation(field, CATALOG_RULE)])
    return value

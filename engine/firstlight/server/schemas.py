"""Whether attributes agree with what a catalogue knows of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from firstlight.domain import Attribute, Attributes, Schema
from firstlight.domain.values import conflicts
from firstlight.server.checks import Checks
from firstlight.server.from_proto import attribute_path
from firstlight.store import Store

MAX_NAMED = 100
"""Unknown attributes that a reply names."""


def schema_of(store: Store, catalog_id: str) -> Schema | None:
    """The schema of the active bundle, before the first one that of the imports, before these None."""
    active = store.active_bundle(catalog_id)
    return active.schema if active else store.catalog_schema(catalog_id)


def check(batch: Sequence[Attributes], declared: Iterable[Attribute], field: str) -> list[str]:
    """Names, at most 100, of attributes in ``batch`` that are not ``declared``; none where nothing is.

    Raises:
        InvalidInputError: a value cannot be of its attribute's kind.
    """
    declared = tuple(declared)
    with Checks() as checks:
        for n, attributes in enumerate(batch):
            for violation in conflicts(attributes, declared):
                checks.add(attribute_path(f"{field}[{n}].attributes", violation.field), violation.description)
    if not declared:
        return []
    known = {attribute.name for attribute in declared}
    return sorted({name for attributes in batch for name in attributes} - known)[:MAX_NAMED]

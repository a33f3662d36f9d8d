"""Profiles as rows of numbers, each worked out once: many users share theirs, and a user's own stays the same."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Attributes, Schema
from firstlight.domain.values import conflicts
from firstlight.errors import Violation
from firstlight.features import FeatureEncoders
from firstlight.plugins import Attempt

KEPT = 16_384

_Key = tuple[tuple[str, type, Hashable], ...]


class Profiles:
    """What ``encoders`` and ``schema`` say of the attributes of users. Safe to share among threads.

    Plugins' encoders are asked every time, as one that fails now may answer later.
    """

    def __init__(self, encoders: FeatureEncoders, schema: Schema) -> None:
        self._encoders, self._declared = encoders, schema.users
        self._keeps_rows = not encoders.plugged
        self._row = lru_cache(KEPT)(lambda key: encoders.profiles([_attributes(key)])[0])
        self._conflicts = lru_cache(KEPT)(lambda key: conflicts(_attributes(key), schema.users))

    def conflicts(self, attributes: Attributes) -> list[Violation]:
        """One for each of ``attributes`` that cannot be of its declared kind."""
        if not attributes:
            return []
        try:
            return self._conflicts(_key(attributes))
        except TypeError:  # a list: those are seldom alike
            return conflicts(attributes, self._declared)

    def rows(self, attributes: Sequence[Attributes], attempt: Attempt) -> NDArray[np.float32]:
        """float32 (n, P), as :meth:`firstlight.features.FeatureEncoders.profiles`."""
        if self._keeps_rows and attributes:
            try:
                return np.stack([self._row(_key(each)) for each in attributes])
            except TypeError:
                pass
        return self._encoders.profiles(attributes, attempt=attempt)


def _key(attributes: Attributes) -> _Key:
    """The types count too: ``1``, ``1.0`` and ``True`` are equal."""
    return tuple([(name, type(value), value) for name, value in attributes.items()])


def _attributes(key: _Key) -> Attributes:
    return {name: value for name, _, value in key}  # type: ignore[misc]  # what _key was made of

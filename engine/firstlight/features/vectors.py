"""Encoders of texts and embeddings: dense vectors, projected to a few principal directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import AttributeValue
from firstlight.errors import InvalidInputError
from firstlight.features.text import HashedText, principal_directions, unit_rows

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""A text model: n texts to float32 (n, D)."""

Values = Sequence[AttributeValue | None]


@dataclass(frozen=True)
class Embedding:
    """A given vector: scaled to length 1, then its part along ``directions`` (D, K) where D is large."""

    field: str
    size: int
    directions: NDArray[np.float32] | None

    @classmethod
    def fit(cls, field: str, values: Values, *, width: int, seed: int) -> Embedding | None:
        """None where no item has a vector."""
        given = [value for value in values if value is not None]
        if not given:
            return None
        size = len(given[0])  # type: ignore[arg-type]  # an embedding is a tuple
        block = cls(field, size, None)
        if size <= width:
            return block
        return cls(field, size, principal_directions(block.encode(given), width, seed))

    @property
    def names(self) -> tuple[str, ...]:
        """``field[0]``, ``field[1]``, ..."""
        width = self.size if self.directions is None else self.directions.shape[1]
        return tuple(f"{self.field}[{n}]" for n in range(width))

    def encode(self, values: Values) -> NDArray[np.float32]:
        """float32 (n, columns).

        Raises:
            InvalidInputError: a vector of another size.
        """
        rows = np.zeros((len(values), self.size), np.float32)
        for n, value in enumerate(values):
            if value is not None:
                if len(value) != self.size:  # type: ignore[arg-type]
                    raise InvalidInputError(f"attribute {self.field!r} must hold {self.size} numbers")
                rows[n] = value  # type: ignore[assignment]
        rows = unit_rows(rows)
        return rows if self.directions is None else rows @ self.directions


@dataclass(frozen=True)
class Text:
    """All text attributes of an item as one text: by a text model, or hashed n-grams without one."""

    field: str
    directions: NDArray[np.float32]
    embed: Embed | None = None
    hashed: HashedText | None = None

    @classmethod
    def fit(cls, field: str, texts: Sequence[str], *, width: int, seed: int, embed: Embed | None) -> Text | None:
        """None where every text is empty."""
        filled = [text for text in texts if text]
        if not filled:
            return None
        if embed is not None:
            return cls(field, principal_directions(np.asarray(embed(filled), np.float32), width, seed), embed)
        hashed = HashedText()
        return cls(field, principal_directions(hashed.fit(filled), width, seed), None, hashed)

    @property
    def names(self) -> tuple[str, ...]:
        """``field~0``, ``field~1``, ..."""
        return tuple(f"{self.field}~{n}" for n in range(self.directions.shape[1]))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 (n, columns), rows of length 1; an empty text gives zeros."""
        out = np.zeros((len(texts), self.directions.shape[1]), np.float32)
        filled = [n for n, text in enumerate(texts) if text]
        if filled:
            given = [texts[n] for n in filled]
            if self.embed is not None:
                rows = np.asarray(self.embed(given), np.float32) @ self.directions
            else:
                assert self.hashed is not None  # fit and load give one of the two
                rows = self.hashed.encode(given) @ self.directions
            out[filled] = unit_rows(rows)
        return out

"""Rows of items: fixed for the bundle's own, made from content for the others."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight import Runtime


@dataclass(frozen=True, slots=True)
class Tables:
    """``codes`` (what an item is in a history) and ``vectors`` (what it is as a target), float32 (N, d) each.

    ``content_codes`` and ``content_vectors`` (C, d): the same for each content column; an item known by content alone
    has their sum, weighted by its content.
    """

    codes: NDArray[np.float32]
    vectors: NDArray[np.float32]
    content_codes: NDArray[np.float32]
    content_vectors: NDArray[np.float32]

    @property
    def width(self) -> int:
        """d."""
        return int(self.vectors.shape[1])

    def save(self, directory: Path) -> None:
        """One ``.npy`` a table."""
        for table in fields(self):
            np.save(directory / f"{table.name}.npy", getattr(self, table.name), allow_pickle=False)

    @classmethod
    def load(cls, directory: Path, runtime: Runtime) -> Tables:
        """Map what :meth:`save` wrote."""
        arrays: list[Any] = [runtime.array(directory / f"{table.name}.npy") for table in fields(cls)]
        return cls(*arrays)


@dataclass(frozen=True, slots=True)
class LiveRows:
    """Codes and vectors (M, d) of live items, and the content they were made from."""

    content: NDArray[np.float32]
    codes: NDArray[np.float32]
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, content: NDArray[np.float32], tables: Tables) -> LiveRows:
        """From ``content`` (M, C)."""
        return cls(content, content @ tables.content_codes, content @ tables.content_vectors)

"""Item codes as they are kept and served: whole, in 8 bits, or with the largest entries of each row alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from firstlight import Runtime
from firstlight_plugins.student.settings import Variant

BLOCK = 65_536


class Table(Protocol):
    """(N, d) numbers."""

    def __len__(self) -> int:
        """N."""
        ...

    def rows(self, at: NDArray[np.integer]) -> NDArray[np.float32]:
        """float32 (..., d): the rows ``at`` (...), which are valid."""
        ...

    def products(self, at: NDArray[np.integer], state: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (n,): inner products of the rows ``at`` (n,) with ``state`` (d,)."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """``values`` float32 (N, d)."""

    values: NDArray[np.float32]

    @classmethod
    def of(cls, table: NDArray[np.float32], kept: float = 1.0) -> Whole:  # noqa: ARG003  # one face for all kinds
        """Keep ``table`` (N, d) as it is."""
        return cls(np.ascontiguousarray(table, np.float32))

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, at: NDArray[np.integer]) -> NDArray[np.float32]:
        """As they are."""
        return np.asarray(self.values.take(at, axis=0))

    def products(self, at: NDArray[np.integer], state: NDArray[np.float32]) -> NDArray[np.float32]:
        """One matrix by vector."""
        return np.asarray(self.values.take(at, axis=0) @ state)


@dataclass(frozen=True, slots=True)
class Bytes:
    """Row i is ``scales[i]`` · ``values[i]``: int8 (N, d), symmetric, and float32 (N,)."""

    values: NDArray[np.int8]
    scales: NDArray[np.float32]

    @classmethod
    def of(cls, table: NDArray[np.float32], kept: float = 1.0) -> Bytes:  # noqa: ARG003
        """The nearest to ``table`` (N, d): the largest entry of a row becomes ±127."""
        scales = (np.abs(table).max(axis=1, initial=0) / 127).astype(np.float32)
        values = np.rint(table / np.where(scales > 0, scales, 1)[:, None])
        return cls(values.astype(np.int8), scales)

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, at: NDArray[np.integer]) -> NDArray[np.float32]:
        """Scaled back."""
        return np.asarray(self.values[at] * self.scales[at][..., None], np.float32)

    def products(self, at: NDArray[np.integer], state: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scale comes after the sum."""
        return np.asarray((self.values[at].astype(np.float32) @ state) * self.scales[at])


@dataclass(frozen=True, slots=True)
class Largest:
    """Row i is ``values[i]`` at ``columns[i]`` and 0 elsewhere: float32 and uint8 (N, m); ``width``: d, int64 ()."""

    values: NDArray[np.float32]
    columns: NDArray[np.uint8]
    width: NDArray[np.int64]

    @classmethod
    def of(cls, table: NDArray[np.float32], kept: float) -> Largest:
        """The ⌈``kept`` · d⌉ largest entries of each row of ``table`` (N, d), by magnitude."""
        most = math.ceil(kept * table.shape[1])
        columns = np.sort(np.argsort(-np.abs(table), axis=1, kind="stable")[:, :most], axis=1)
        values = np.ascontiguousarray(np.take_along_axis(table, columns, axis=1), np.float32)
        return cls(values, columns.astype(np.uint8), np.array(table.shape[1]))

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, at: NDArray[np.integer]) -> NDArray[np.float32]:
        """With the zeros put back."""
        out = np.zeros((*at.shape, int(self.width)), np.float32)
        np.put_along_axis(out, self.columns[at].astype(np.int64), self.values[at], axis=-1)
        return out

    def products(self, at: NDArray[np.integer], state: NDArray[np.float32]) -> NDArray[np.float32]:
        """Over the entries that are there."""
        return np.asarray((self.values[at] * state[self.columns[at]]).sum(axis=1))


KINDS: dict[Variant, type[Whole] | type[Bytes] | type[Largest]] = {"float32": Whole, "int8": Bytes, "pruned": Largest}


def save(table: Table, directory: Path, name: str) -> None:
    """``<name>.<field>.npy`` for each array of ``table``."""
    for field in fields(table):  # type: ignore[arg-type]  # each kind is a dataclass of arrays
        np.save(directory / f"{name}.{field.name}.npy", getattr(table, field.name), allow_pickle=False)


def load(variant: Variant, directory: Path, name: str, runtime: Runtime) -> Table:
    """Map what :func:`save` wrote."""
    kind = KINDS[variant]
    arrays: list[Any] = [runtime.array(directory / f"{name}.{field.name}.npy") for field in fields(kind)]
    return kind(*arrays)


def whole(table: Table) -> NDArray[np.float32]:
    """float32 (N, d), made a block at a time."""
    blocks = [table.rows(np.arange(start, min(start + BLOCK, len(table)))) for start in range(0, len(table), BLOCK)]
    return np.concatenate(blocks) if blocks else table.rows(np.zeros(0, np.int64))

"""A larger catalogue out of a real one: every new item lies between two real items, in every table of the bundle alike.

New item = w · vᵢ + (1 − w) · vⱼ + 0.25 · σ · ε with w ~ Beta(.5, .5), σ the deviation of each column and ε normal, so
that most lie near one parent. Lists of items that belong together (neighbours, sparse weights) are those of the nearer
parent, where every listed item gives way to one of those that descend from it.
"""

from __future__ import annotations

import shutil
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOISE = 0.25
BLOCK = 20_000
LISTS = {"liked_items", "disliked_items"}
"""Tables (N, K) of positions; the values beside them follow the nearer parent."""
LIST_VALUES = {"liked_values", "disliked_values"}
SPARSE = ("values", "items", "offsets")


@dataclass(frozen=True)
class Draw:
    """``size`` items, of which the first ``real`` are the real ones, and the parents of the others.

    ``near`` and ``far`` int64 (size,): a real item is both of its own parents. ``share`` float32 (size,): of the nearer
    one.
    """

    real: int
    size: int
    seed: int
    near: NDArray[np.int64] = field(init=False)
    far: NDArray[np.int64] = field(init=False)
    share: NDArray[np.float32] = field(init=False)
    _family: NDArray[np.int32] = field(init=False)
    _starts: NDArray[np.int64] = field(init=False)
    _sizes: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        rng, own = np.random.default_rng(self.seed), np.arange(self.real)
        parents = rng.integers(0, self.real, (2, self.size - self.real))
        share = rng.beta(0.5, 0.5, self.size - self.real).astype(np.float32)
        near, far = np.where(share >= 0.5, parents, parents[::-1])
        object.__setattr__(self, "near", np.concatenate([own, near]))
        object.__setattr__(self, "far", np.concatenate([own, far]))
        object.__setattr__(
            self, "share", np.concatenate([np.ones(self.real, np.float32), np.maximum(share, 1 - share)])
        )
        sizes = np.bincount(self.near, minlength=self.real)
        object.__setattr__(self, "_family", np.argsort(self.near, kind="stable").astype(np.int32))
        object.__setattr__(self, "_starts", np.cumsum(sizes) - sizes)
        object.__setattr__(self, "_sizes", sizes)

    def rows(self, table: NDArray[Any], name: str, file: Path) -> NDArray[np.float32]:
        """``table`` (N, ...) of numbers for all items, written to ``file`` a block at a time and mapped."""
        out = np.lib.format.open_memmap(file, "w+", np.float32, (self.size, *table.shape[1:]))
        spread = NOISE * table.std(axis=0)
        rng = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
        for start in range(0, self.size, BLOCK):
            here = slice(start, start + BLOCK)
            near, far = table[self.near[here]], table[self.far[here]]
            share = self.share[here].reshape(-1, *[1] * (table.ndim - 1))
            noise = rng.standard_normal(near.shape, np.float32) * spread
            out[here] = np.where(share < 1, share * near + (1 - share) * far + noise, near)
        out.flush()
        return out

    def sparse(self, source: Path, directory: Path) -> None:
        """Rows of sparse weights, ``values``, ``items`` and ``offsets``, for all items; columns ascend in each row."""
        values, items, offsets = (np.load(source / f"{name}.npy", mmap_mode="r") for name in SPARSE)
        ends = np.concatenate([[0], np.cumsum(np.diff(offsets)[self.near], dtype=np.int64)])
        np.save(directory / "offsets.npy", ends.astype(np.int32))
        out, columns = (
            np.lib.format.open_memmap(directory / f"{name}.npy", "w+", dtype, (int(ends[-1]),))
            for name, dtype in (("values", np.float32), ("items", np.int32))
        )
        for start in range(0, self.size, BLOCK):
            near = self.near[start : start + BLOCK]
            lengths = np.diff(offsets)[near].astype(np.int64)
            rows = np.repeat(np.arange(len(near)), lengths)
            at = np.arange(len(rows)) + np.repeat(offsets[near] - np.cumsum(lengths) + lengths, lengths)
            found = self.lists(items[at], seed=start)
            order = np.argsort(rows * self.size + found, kind="stable")
            here = slice(ends[start], ends[start] + len(rows))
            out[here], columns[here] = values[at[order]], found[order]

    def lists(self, positions: NDArray[np.int32], *, seed: int) -> NDArray[np.int32]:
        """Each of ``positions`` replaced by one of those whose nearer parent it is, itself among them; −1 stays."""
        rng = np.random.default_rng([self.seed, 1, seed])
        asked = np.maximum(positions, 0)
        chosen = (rng.random(asked.shape, np.float32) * self._sizes[asked]).astype(np.int64)
        found = self._family[self._starts[asked] + np.minimum(chosen, self._sizes[asked] - 1)]
        return np.where(positions < 0, -1, found).astype(np.int32)


@dataclass(frozen=True)
class Resampled:
    """What a component, or another part of a bundle, wrote into ``source``, for all items of ``draw``."""

    source: Path
    draw: Draw
    format: int = 1

    def save(self, directory: Path) -> None:
        """As :meth:`export`: what encoders call it."""
        self.export(directory)

    def export(self, directory: Path) -> None:
        """Every file: tables of items resampled, what does not speak of single items as it is."""
        if (self.source / "offsets.npy").exists():
            self.draw.sparse(self.source, directory)
        for path in sorted(self.source.rglob("*")):
            target = directory / path.relative_to(self.source)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file() and not target.exists():
                self._write(path, target)

    def _write(self, path: Path, target: Path) -> None:
        table = np.load(path, mmap_mode="r") if path.suffix == ".npy" else np.zeros(0)
        if len(table.shape) == 0 or len(table) != self.draw.real:
            shutil.copyfile(path, target)
        elif path.stem in LISTS:
            out = np.lib.format.open_memmap(target, "w+", np.int32, (self.draw.size, table.shape[1]))
            for start in range(0, self.draw.size, BLOCK):
                here = slice(start, start + BLOCK)
                out[here] = self.draw.lists(table[self.draw.near[here]], seed=start)
        elif path.stem in LIST_VALUES:
            np.save(target, table[self.draw.near])
        elif table.dtype == np.float32:
            self.draw.rows(table, f"{path.parent.name}/{path.name}", target)
        else:
            raise TypeError(f"{path}: {table.dtype} of {len(table)} items: nothing says how to resample it")

"""Item ids without a Python object per item: bytes, offsets, and a sorted hash that finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight.errors import CorruptBundleError

_FILES = ("ids.npy", "offsets.npy", "hashes.npy", "order.npy")


@dataclass(frozen=True, slots=True)
class IdTable:
    """N ids by position, and back.

    ``text`` uint8: all ids in UTF-8, one after the other; ``offsets`` int64 (N + 1,): id n is
    ``text[offsets[n] : offsets[n + 1]]``; ``hashes`` uint64 (N,) ascending; ``order`` int32 (N,): the position each
    hash belongs to. Arrays may be memory-mapped.
    """

    text: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    order: NDArray[np.int32]

    @classmethod
    def of(cls, ids: Sequence[str]) -> IdTable:
        """The table of ``ids``, position by position."""
        encoded = [one.encode() for one in ids]
        offsets = np.zeros(len(ids) + 1, np.int64)
        np.cumsum([len(one) for one in encoded], out=offsets[1:])
        hashes = _hashes(encoded)
        order = np.argsort(hashes, kind="stable").astype(np.int32)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets, hashes[order], order)

    @classmethod
    def open(cls, directory: Path) -> IdTable:
        """Map the table saved in ``directory``."""
        try:
            text, offsets, hashes, order = (
                np.asarray(np.load(directory / name, mmap_mode="r", allow_pickle=False)) for name in _FILES
            )
        except (OSError, ValueError, EOFError) as error:
            raise CorruptBundleError(f"item ids in {directory.name} cannot be read: {error}") from error
        if not len(offsets) - 1 == len(hashes) == len(order) or offsets[-1] != len(text):
            raise CorruptBundleError(f"item ids in {directory.name} do not fit together")
        return cls(text, offsets, hashes, order)

    def save(self, directory: Path) -> None:
        """Write the four arrays into ``directory``."""
        arrays: tuple[NDArray[Any], ...] = (self.text, self.offsets, self.hashes, self.order)
        for name, array in zip(_FILES, arrays, strict=True):
            np.save(directory / name, array, allow_pickle=False)

    def __len__(self) -> int:
        return len(self.order)

    def id_of(self, position: int) -> str:
        """The id at ``position``."""
        return self._bytes(position).decode()

    def position_of(self, ids: Sequence[str]) -> NDArray[np.int32]:
        """int32: the position of each of ``ids``, −1 where it is none of them. Ids compare byte by byte."""
        encoded = [one.encode("utf-8", "surrogatepass") for one in ids]
        hashes = _hashes(encoded)
        places = np.searchsorted(self.hashes, hashes)
        found = np.full(len(ids), -1, np.int32)
        held = places < len(self)
        held[held] = self.hashes[places[held]] == hashes[held]
        for n in np.flatnonzero(held):
            found[n] = self._match(encoded[n], int(places[n]))
        return found

    def _match(self, wanted: bytes, place: int) -> int:
        """The position of ``wanted`` among the ids with one hash, the first of which is at ``place``."""
        shared = self.hashes[place]
        while place < len(self) and self.hashes[place] == shared:
            if self._bytes(int(self.order[place])) == wanted:
                return int(self.order[place])
            place += 1
        return -1

    def _bytes(self, position: int) -> bytes:
        return self.text[self.offsets[position] : self.offsets[position + 1]].tobytes()


def _hashes(ids: Sequence[bytes]) -> NDArray[np.uint64]:
    digests = b"".join(blake2b(one, digest_size=8).digest() for one in ids)
    return np.frombuffer(digests, "<u8").astype(np.uint64)

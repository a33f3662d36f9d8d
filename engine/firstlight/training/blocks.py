"""Who is held out from which fit: dealt by a stable hash, so that every bundle holds out the same users and items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Dataset
from firstlight.training.problems import latest

SMALL_CATALOGUE = 5_000
"""Users below which every user is held out once, in 3 fits; from it on one block of so many is held out, in 1."""
FITS = 3
ITEM_BLOCKS = 5
"""Each fit hides one in five items: enough new items to learn from, few enough to leave histories whole."""
LATEST_PART = 10
"""One in so many of a user's interactions, the newest, is held out from the fits that see the user."""
VALIDATION_SHARE = 0.15
VALIDATION_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Block:
    """What one cross-fit does not see: ``users`` int64 rows of the dataset, and items where ``hidden`` (N,) is true."""

    users: NDArray[np.int64]
    hidden: NDArray[np.bool_]


def stable_hash(catalog_id: str, kind: str, ids: Sequence[str]) -> NDArray[np.uint64]:
    """uint64 (n,): the same on every machine and in every version. ``kind`` keeps equal ids of two kinds apart."""
    start = blake2b(f"{catalog_id}\0{kind}\0".encode(), digest_size=8)

    def one(name: str) -> bytes:
        state = start.copy()
        state.update(name.encode())
        return state.digest()

    return np.frombuffer(b"".join(map(one, ids)), "<u8").astype(np.uint64)


def deal(catalog_id: str, dataset: Dataset) -> list[Block]:
    """The blocks to hold out, one a fit; none where a fit would have no user or no interaction left to learn from."""
    users = stable_hash(catalog_id, "user", dataset.user_ids)
    items = stable_hash(catalog_id, "item", dataset.item_ids) % np.uint64(ITEM_BLOCKS)
    if len(users) < SMALL_CATALOGUE:
        held = [np.flatnonzero(users % np.uint64(FITS) == b) for b in range(FITS)]
    else:
        held = [np.sort(np.argsort(users, kind="stable")[:SMALL_CATALOGUE])]
    blocks = [Block(rows, items == np.uint64(b)) for b, rows in enumerate(held)]
    return [block for block in blocks if len(block.users) and len(remaining(dataset, block).histories.items)]


def remaining(dataset: Dataset, block: Block) -> Dataset:
    """``dataset`` as the fit of ``block`` sees it: less its users, its items and the others' newest tenth."""
    part = dataset.select_users(kept_users(dataset, block)).hide_items(block.hidden)
    return replace(part, histories=part.histories.keep(~latest(part.histories, LATEST_PART)))


def kept_users(dataset: Dataset, block: Block) -> NDArray[np.int64]:
    """int64: rows of the users that the fit of ``block`` sees, ascending."""
    return np.setdiff1d(np.arange(len(dataset.user_ids)), block.users)


def validation_users(catalog_id: str, dataset: Dataset) -> NDArray[np.int64]:
    """int64: rows of the users set aside for early stopping, 15 % and at most 2,000, ascending."""
    size = min(int(VALIDATION_SHARE * len(dataset.user_ids)), VALIDATION_MOST)
    order = np.argsort(stable_hash(catalog_id, "validation", dataset.user_ids), kind="stable")
    return np.sort(order[:size])

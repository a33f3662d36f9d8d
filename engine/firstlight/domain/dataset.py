"""A whole catalogue as arrays: what a training run reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstlight.domain.histories import Histories
from firstlight.domain.items import ItemTable
from firstlight.domain.schema import Attributes, Schema


def id_order(ids: Sequence[str]) -> list[int]:
    """The order of ids: as integers if all are, else as strings. It also breaks ties in time."""
    if all(i.isascii() and i.isdigit() for i in ids):
        return sorted(range(len(ids)), key=lambda n: (int(ids[n]), ids[n]))
    return sorted(range(len(ids)), key=ids.__getitem__)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Users, items and interactions of one catalogue. Item position n is ``item_ids[n]``, in :func:`id_order`.

    ``histories`` has one row a user. Users and items without interactions are kept: they are cold, not absent.
    """

    schema: Schema
    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    user_attributes: tuple[Attributes, ...]
    item_attributes: tuple[Attributes, ...]
    histories: Histories

    def select_users(self, rows: NDArray[np.integer]) -> Dataset:
        """Only these users, in this order; items and their positions stay."""
        return replace(
            self,
            user_ids=tuple(self.user_ids[r] for r in rows),
            user_attributes=tuple(self.user_attributes[r] for r in rows),
            histories=self.histories.take(rows),
        )

    def hide_items(self, hidden: NDArray[np.bool_]) -> Dataset:
        """All interactions with items where ``hidden`` (N,) is true are removed; positions and attributes stay."""
        return replace(self, histories=self.histories.keep(~hidden[self.histories.items]))

    def counts(self) -> NDArray[np.int32]:
        """Interactions per item, int32 (N,)."""
        return np.bincount(self.histories.items, minlength=len(self.item_ids)).astype(np.int32)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a component's ``fit`` sees: a dataset and its users and items as feature rows.

    ``profiles`` float32 (U, P): one column per profile value or band, 1 where it holds (multi-valued attributes may
    hold several), all 0 for an unknown profile; ``profile_names`` (P,) such as ``"gender=F"``; ``profile_fields``
    (P,) the attribute a column belongs to. ``items`` carries content (N, C) and counts (N,).
    ``validation`` int64: rows of users set aside for early stopping and the choice of hyper-parameters; a component
    may refit on them afterwards.
    """

    dataset: Dataset
    profiles: NDArray[np.float32]
    profile_names: tuple[str, ...]
    profile_fields: tuple[str, ...]
    items: ItemTable
    content_names: tuple[str, ...]
    validation: NDArray[np.int64]

    @property
    def training(self) -> NDArray[np.int64]:
        """Rows of users that are not in ``validation``."""
        return np.setdiff1d(np.arange(len(self.dataset.user_ids)), self.validation)

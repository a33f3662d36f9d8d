"""LightFM's WARP hybrid, from lightfm-next: users by profile, items by attributes, both with vectors of their own."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from peers.part import Asked, Matrix, Part, features


class LightFm:
    """``user_ids`` and ``item_ids``: whether users and items have vectors of their own beside those of features.

    A new user is the profile alone, a new item its attributes alone; where there are none, the biases decide.
    """

    def __init__(
        self, components: int, epochs: int, *, user_ids: bool, item_ids: bool, attributes: bool, words: bool
    ) -> None:
        self.components, self.epochs = components, epochs
        self.user_ids, self.item_ids, self.attributes, self.words = user_ids, item_ids, attributes, words

    def fit(self, part: Part, seed: int) -> None:
        from lightfm import LightFM  # noqa: PLC0415

        users, items = len(part.profiles), len(part.seen)
        self._part = part
        self._model = LightFM(no_components=self.components, loss="warp", random_state=seed)
        self._model.fit(
            part.positives.tocoo(),
            user_features=self._user_rows(part.profiles, np.arange(users)),
            item_features=self._item_rows(np.ones(items, bool)),
            epochs=self.epochs,
            num_threads=1,
        )
        # Nobody taught the vector that a new item has of its own.
        self._biases, self._items = self._model.get_item_representations(self._item_rows(part.seen))

    def score(self, asked: Asked) -> Matrix:
        _, users = self._model.get_user_representations(self._user_rows(asked.profiles, asked.known))
        return np.asarray(users @ self._items.T + self._biases)

    def _user_rows(self, profiles: Matrix, known: np.ndarray) -> sparse.csr_matrix:
        own = _one_hot(known, len(self._part.profiles)) if self.user_ids or not profiles.shape[1] else None
        return _joined(own, sparse.csr_matrix(profiles))

    def _item_rows(self, known: np.ndarray) -> sparse.csr_matrix:
        own = _one_hot(np.where(known, np.arange(len(known)), -1), len(known))
        if not self.attributes:
            return own
        table = features(self._part, float(self.words))
        return _joined(own if self.item_ids or not table.shape[1] else None, table)


def _one_hot(columns: np.ndarray, size: int) -> sparse.csr_matrix:
    rows = np.flatnonzero(columns >= 0)
    return sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns[rows])), (len(columns), size))


def _joined(own: sparse.csr_matrix | None, rest: sparse.csr_matrix) -> sparse.csr_matrix:
    parts = [rest] if own is None else [own, rest]
    return sparse.csr_matrix(sparse.hstack(parts, format="csr"), dtype=np.float32)

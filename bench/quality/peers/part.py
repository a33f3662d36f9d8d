"""What a peer learns from, and what it is asked: the same facts the product gets, as plain matrices."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from firstlight.domain import Dataset, Histories, Kind
from firstlight.evaluation.protocols import Case
from firstlight.features import FeatureEncoders
from firstlight.features.columns import text_field

MAX_WORDS = 5_000
_WORD = re.compile(r"\w\w+")

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Asked:
    """B queries: ``profiles`` (B, P), ``positives`` CSR (B, N), ``known`` int64 (B,): rows in training, −1 = new."""

    profiles: Matrix
    positives: sparse.csr_matrix
    known: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.known)

    def take(self, rows: slice) -> Asked:
        """The given queries."""
        return Asked(self.profiles[rows], self.positives[rows], self.known[rows])


class Part:
    """A training part of U users and N items; its encoders saw nothing else.

    ``profiles`` float32 (U, P): ones for categories and bands. ``content`` float32 (N, C): the same for items, with
    standardised numbers and embeddings. ``words`` CSR (N, W): TF-IDF of the text attributes, rows of length 1 or 0.
    ``positives`` CSR (U, N): 1 for each pair with a positive interaction. ``seen`` bool (N,): with any interaction.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.encoders = FeatureEncoders.fit(dataset)
        self.seen = dataset.counts() > 0
        self.positives = self._positives(dataset.histories)
        self._rows = {user_id: n for n, user_id in enumerate(dataset.user_ids)}

    @cached_property
    def votes(self) -> NDArray[np.float64]:
        """Users with a positive interaction, by item, (N,)."""
        return np.asarray(self.positives.sum(axis=0), np.float64).ravel()

    @cached_property
    def profiles(self) -> Matrix:
        """(U, P)."""
        return self.encoders.profiles(self.dataset.user_attributes)

    @cached_property
    def content(self) -> Matrix:
        """(N, C)."""
        columns = [field != text_field(self.dataset.schema.items) for field in self.encoders.content_fields]
        return np.ascontiguousarray(self.encoders.content(self.dataset.item_attributes)[:, columns])

    @cached_property
    def words(self) -> sparse.csr_matrix:
        """(N, W): words that two seen items or more hold, the most frequent 5,000."""
        names = [a.name for a in self.dataset.schema.items if a.kind is Kind.TEXT]
        texts = [" ".join(str(row.get(name, "")) for name in names).lower() for row in self.dataset.item_attributes]
        return tf_idf([_WORD.findall(text) for text in texts], self.seen)

    def asked(self, case: Case, user_ids: Sequence[str]) -> Asked:
        """``case`` as matrices; ``user_ids`` (B,)."""
        return Asked(
            self.encoders.profiles(case.attributes),
            self._positives(case.histories),
            np.array([self._rows.get(user_id, -1) for user_id in user_ids], np.int64),
        )

    def _positives(self, histories: Histories) -> sparse.csr_matrix:
        liked = histories.keep(histories.positive(self.dataset.schema.positive_value)).distinct()
        shape = (len(liked), len(self.dataset.item_ids))
        return sparse.csr_matrix((np.ones(len(liked.items), np.float32), liked.items, liked.offsets), shape)


def tf_idf(texts: Sequence[Sequence[str]], seen: NDArray[np.bool_]) -> sparse.csr_matrix:
    """CSR (N, W) of N ``texts``: (1 + log count) × log(seen items / holders), each row scaled to length 1."""
    holders = Counter(word for words, used in zip(texts, seen, strict=True) if used for word in set(words))
    kept = [word for word, count in holders.most_common(MAX_WORDS) if count >= 2]
    column = {word: n for n, word in enumerate(kept)}
    weight = np.log(max(1, int(seen.sum())) / np.array([holders[word] for word in kept], np.float64))
    rows, columns, values = [], [], []
    for row, words in enumerate(texts):
        for word, count in Counter(word for word in words if word in column).items():
            rows.append(row)
            columns.append(column[word])
            values.append((1 + np.log(count)) * weight[column[word]])
    out = sparse.csr_matrix((values, (rows, columns)), (len(texts), len(kept)), dtype=np.float32)
    return unit_rows(out)


def unit_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """``matrix`` with each row scaled to length 1; empty rows stay."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.diags_array(1 / np.maximum(lengths, 1e-12)).tocsr().astype(np.float32) @ matrix


def features(part: Part, words: float) -> sparse.csr_matrix:
    """CSR (N, C + W): content columns, and the words times ``words``; without words where that is 0."""
    content = sparse.csr_matrix(part.content)
    return content if words == 0 else sparse.hstack([content, part.words * np.float32(words)], format="csr")

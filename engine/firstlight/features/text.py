"""Vectors from text, and the projection that keeps them short.

Without a text model: hashed words, word pairs and character n-grams with tf-idf weights, reduced by a truncated SVD
(latent semantic analysis; randomised range finder of Halko, Martinsson and Tropp, 2011). No vocabulary is kept, so a
word never seen still shares its character n-grams with words that were.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

BUCKETS = 1 << 13
_WORD = re.compile(r"\w+", re.UNICODE)
_LONGEST_WORD = 40


class HashedText:
    """Sparse tf-idf rows over ``BUCKETS`` hashed features; stable across processes and machines."""

    def __init__(self, idf: NDArray[np.float32] | None = None) -> None:
        self.idf = np.ones(BUCKETS, np.float32) if idf is None else idf
        self._grams: dict[str, list[int]] = {}

    def fit(self, texts: Sequence[str]) -> sparse.csr_array:
        """Learn the idf weights; returns the rows of ``texts``."""
        counts = self._counts(texts)
        holders = np.bincount(counts.indices, minlength=BUCKETS)
        self.idf = np.log((1 + len(texts)) / (1 + holders)).astype(np.float32)
        return self._weigh(counts)

    def encode(self, texts: Sequence[str]) -> sparse.csr_array:
        """float32 (n, BUCKETS), rows of length 1 (0 for an empty text)."""
        return self._weigh(self._counts(texts))

    def _counts(self, texts: Sequence[str]) -> sparse.csr_array:
        offsets: list[int] = [0]
        columns: list[int] = []
        counts: list[int] = []
        for text in texts:
            words = [word[:_LONGEST_WORD] for word in _WORD.findall(text.lower())]
            row = Counter(_bucket(f"{a} {b}") for a, b in pairwise(words))
            for word, times in Counter(words).items():
                for gram in self._grams_of(word):
                    row[gram] += times
            columns.extend(row.keys())
            counts.extend(row.values())
            offsets.append(len(columns))
        data = np.array(counts, np.float32)
        return sparse.csr_array((data, np.array(columns, np.int32), np.array(offsets)), (len(texts), BUCKETS))

    def _grams_of(self, word: str) -> list[int]:
        grams = self._grams.get(word)
        if grams is None:
            padded = f"<{word}>"
            parts = [padded[at : at + n] for n in (3, 4) for at in range(len(padded) - n + 1)]
            grams = [_bucket(part) for part in (word, *parts)]
            if len(self._grams) < 100_000:
                self._grams[word] = grams
        return grams

    def _weigh(self, counts: sparse.csr_array) -> sparse.csr_array:
        rows = counts.copy()
        rows.data = (1 + np.log(rows.data)) * self.idf[rows.indices]
        length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
        scale = sparse.diags_array(1 / np.where(length > 0, length, 1))
        return (scale @ rows).tocsr().astype(np.float32)


def _bucket(feature: str) -> int:
    return zlib.crc32(feature.encode()) % BUCKETS


def principal_directions(rows: sparse.csr_array | NDArray[np.float32], size: int, seed: int) -> NDArray[np.float32]:
    """The first ``size`` right singular vectors of ``rows`` (n, D), float32 (D, size); fewer where the rank is less."""
    size = min(size, *rows.shape)
    start = np.random.default_rng(seed).standard_normal((rows.shape[1], min(size + 10, rows.shape[1])))
    basis = start.astype(np.float32)
    for _ in range(4):
        basis = np.linalg.qr(rows.T @ (rows @ basis))[0]
    _, strength, right = np.linalg.svd(rows @ basis, full_matrices=False)
    rank = int((strength[:size] > 1e-5 * max(strength[0], 1e-30)).sum())
    directions = basis @ right[:rank].T
    # a singular vector's sign is arbitrary: fix it, so that equal data give equal features
    heaviest = directions[np.abs(directions).argmax(axis=0), np.arange(rank)]
    return np.ascontiguousarray(directions * np.where(heaviest < 0, -1, 1), np.float32)


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1; zero rows stay zero."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(length > 0, length, 1)).astype(np.float32)

"""The feature map φ: content columns, products of two categories, and numbers as smooth curves.

A ridge on these features is a kernel ridge whose kernel is a sum over blocks (categories, their square, a Gaussian over
the rank of a number, text), in primal form.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

MAX_FEATURES = 2_000
LEAST_HOLDERS = 2
"""Items that must hold both categories of a pair."""

CENTRES = 17
WIDTH = 0.05
"""Of the Gaussians over a number's rank, which goes from 0 to 1."""

KNOTS = 257

BIAS, CATEGORY, DENSE, PAIR, SMOOTH = range(5)
"""What a feature is."""

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """Content (n, C) to φ (n, F): 1, the ``columns``, products of ``pairs``, curves of ``numbers``; each times a scale.

    ``columns`` int64 (K,) and ``pairs`` int64 (2, L) are content columns, categories before the rest. ``numbers`` int64
    (Q,) are columns of numbers, of ranks ``ranks`` at ``values``, float64 (Q, KNOTS) each; ``bands`` bool (Q, C): the
    columns one of which is set where the number is known. ``kinds`` int64 (F,), ``scales`` float32 (F,).
    """

    ARRAYS: ClassVar[tuple[str, ...]] = ("columns", "pairs", "numbers", "values", "ranks", "bands", "kinds", "scales")

    columns: NDArray[np.int64]
    pairs: NDArray[np.int64]
    numbers: NDArray[np.int64]
    values: NDArray[np.float64]
    ranks: NDArray[np.float64]
    bands: NDArray[np.bool_]
    kinds: NDArray[np.int64]
    scales: NDArray[np.float32]

    @classmethod
    def of(cls, content: NDArray[np.float32], names: tuple[str, ...]) -> FeatureMap:
        """The map of items with ``content`` (n, C), every scale 1; of the pairs as many as there is room for.

        A number is a column beside bands of its own (``year`` beside ``year=1994``): bands tell a missing one from a
        mean one. Other columns that are not 0 or 1, text and embeddings, are taken as they are.
        """
        binary = ((content == 0) | (content == 1)).all(axis=0)
        banded = [np.array([other.startswith(f"{name}=") for other in names], bool) for name in names]
        numbers = np.array([n for n in range(len(names)) if not binary[n] and banded[n].any()], np.int64)
        bands = np.array([banded[n] for n in numbers], bool).reshape(len(numbers), len(names))
        curves = [_mid_ranks(content[content[:, held].any(axis=1), n]) for n, held in zip(numbers, bands, strict=True)]
        columns = np.setdiff1d(np.arange(len(names)), numbers)
        kinds = [BIAS, *np.where(binary[columns], CATEGORY, DENSE)]
        pairs = _pairs(content, np.flatnonzero(binary), MAX_FEATURES - len(kinds) - CENTRES * len(numbers))
        kinds += [PAIR] * pairs.shape[1] + [SMOOTH] * (CENTRES * len(numbers))
        return cls(
            columns=columns,
            pairs=pairs,
            numbers=numbers,
            values=np.array([values for values, _ in curves]).reshape(len(numbers), KNOTS),
            ranks=np.array([ranks for _, ranks in curves]).reshape(len(numbers), KNOTS),
            bands=bands,
            kinds=np.array(kinds, np.int64),
            scales=np.ones(len(kinds), np.float32),
        )

    def __call__(self, content: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (n, F)."""
        parts: list[Floats] = [np.ones((len(content), 1)), content[:, self.columns]]
        parts.append(content[:, self.pairs[0]] * content[:, self.pairs[1]])
        centres = np.linspace(0, 1, CENTRES)
        for n, column in enumerate(self.numbers):
            rank = np.interp(content[:, column].astype(np.float64), self.values[n], self.ranks[n])
            curves = np.exp(-0.5 * ((rank[:, None] - centres) / WIDTH) ** 2)
            parts.append(curves * content[:, self.bands[n]].any(axis=1, keepdims=True))
        return np.concatenate([part.astype(np.float32) for part in parts], axis=1) * self.scales

    def weighted(self, weights: NDArray[np.floating]) -> FeatureMap:
        """The same map with a scale for each kind, (5,): kinds with weight 0 are left out."""
        scales = weights[self.kinds].astype(np.float32)
        kept = scales > 0
        ends = np.cumsum([1, len(self.columns), self.pairs.shape[1]])
        columns, pairs, curves = kept[1 : ends[1]], kept[ends[1] : ends[2]], kept[ends[2] :: CENTRES]
        return replace(
            self,
            columns=self.columns[columns],
            pairs=self.pairs[:, pairs],
            numbers=self.numbers[curves],
            values=self.values[curves],
            ranks=self.ranks[curves],
            bands=self.bands[curves],
            kinds=self.kinds[kept],
            scales=scales[kept],
        )


def _pairs(content: NDArray[np.float32], categories: NDArray[np.int64], room: int) -> NDArray[np.int64]:
    """int64 (2, L): the ``room`` pairs of categories that most items hold together."""
    held = content[:, categories]
    together = np.triu(held.T @ held, 1)
    left, right = np.nonzero(together >= LEAST_HOLDERS)
    most = np.sort(np.argsort(-together[left, right], kind="stable")[: max(room, 0)])
    return np.stack([categories[left[most]], categories[right[most]]])


def _mid_ranks(numbers: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """KNOTS distinct values, ascending, and their ranks: the share of numbers below, those equal counted half."""
    if not len(numbers):
        return np.zeros(KNOTS), np.zeros(KNOTS)
    values, counts = np.unique(numbers.astype(np.float64), return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / len(numbers)
    at = np.minimum(np.arange(KNOTS), len(values) - 1)
    if len(values) > KNOTS:
        at = np.linspace(0, len(values) - 1, KNOTS).round().astype(np.int64)
    return values[at], ranks[at]

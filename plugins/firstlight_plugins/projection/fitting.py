"""The space of one choice of settings, learnt from everybody and everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from firstlight import TrainingData
from firstlight_plugins.projection.choosing import Choice, mean_of
from firstlight_plugins.projection.features import FeatureMap
from firstlight_plugins.projection.folding import MOST
from firstlight_plugins.projection.priors import fit_priors
from firstlight_plugins.projection.scaling import covariance
from firstlight_plugins.projection.solving import Fit
from firstlight_plugins.projection.space import Numbers, Space
from firstlight_plugins.projection.teacher import Array, matrix

RIDGE_ITEMS = 20_000
"""Items that the ridge from content is learnt from, at most."""

PRIOR_USERS = 20_000
"""Users that the axes of the space and the prior are learnt from, at most."""

LARGE, LARGE_SIZE = 50_000, 64
"""Above so many items d is at most so large."""

BLOCK = 4_096
NOTHING = 1e-10
"""Axes with less than this share of the users' largest mean z² are left out."""


def fit_space(
    data: TrainingData,
    features: FeatureMap,
    rows: NDArray[np.int64],
    choice: Choice,
    *,
    dense_items: int,
    embedding_size: int,
) -> Space:
    """``features``: the map at scale 1; ``rows``: items with interactions that the ridge from content learns from."""
    content = data.items.base_content
    met = np.flatnonzero(data.items.base_counts)
    number = np.zeros(len(content), np.int64)
    number[met] = np.arange(len(met))
    histories = data.dataset.histories
    histories = replace(histories, items=number[histories.items].astype(np.int32))
    positive = histories.positive(data.dataset.schema.positive_value)
    votes = np.bincount(histories.items[positive], minlength=len(met)).astype(np.float64)
    unit = features(content[rows]).astype(np.float64)
    fit = Fit(
        histories, positive, votes, rows=number[rows], features=unit, kinds=features.kinds, dense_items=dense_items
    )
    left, right = fit.codes(choice)
    broad = fit.codes(choice.of_prior)[1]
    shown = matrix(histories, np.where(positive, 1.0, choice.disliked), len(met))
    asked = np.arange(0, len(histories), max(1, -(-len(histories) // PRIOR_USERS)))
    half = shown[asked] @ left
    size = min(embedding_size, LARGE_SIZE) if len(content) > LARGE else embedding_size
    inner = half.T @ half / max(len(half), 1)
    axes, moments = _axes(right.T @ inner @ right + broad.T @ inner @ broad, size)
    codes = left @ (right @ axes)
    priors = fit_priors(half @ (broad @ axes), fit.likes[asked], data.profiles[asked])
    priors[1:] *= choice.profile

    chosen = features.weighted(choice.blocks)
    content_codes = np.linalg.solve(fit.gram(choice), chosen(content[rows]).T @ codes[number[rows]])
    numbers = Numbers(
        positive_value=data.dataset.schema.positive_value,
        disliked=choice.disliked,
        prior=choice.prior,
        kept=choice.kept,
        mean_likes=mean_of(fit.likes),
        item_ridge=None,
        item_target=choice.item_target,
    )
    shape = (len(content), len(moments))
    space = Space(
        features=chosen,
        numbers=numbers,
        codes=np.zeros(shape, np.float32),
        items=np.zeros(shape, np.float32),
        content_codes=content_codes.astype(np.float32),
        content_items=axes.astype(np.float32),
        priors=priors.astype(np.float32),
        mean=np.zeros(shape[1], np.float32),
        spread=np.zeros((shape[1], shape[1]), np.float32),
        moments=moments.astype(np.float32),
    )
    for start in range(0, len(content), BLOCK):
        block = slice(start, start + BLOCK)
        space.codes[block], space.items[block] = space.place(content[block])
    space.codes[met] = codes
    space = _centred(space, met)
    if np.isfinite(choice.item_ridge):
        prior = priors[0] + data.profiles @ priors[1:]
        states = shown @ codes + numbers.prior_weight(fit.likes)[:, None] * prior
        space = _moved(space, met, shown, states.astype(np.float32), choice.item_ridge)
    return space


def _axes(gram: Array, size: int) -> tuple[Array, Array]:
    """The ``size`` axes (F, d) along which ``gram`` (F, F) is largest, and what it is along them (d,)."""
    moments, axes = np.linalg.eigh(gram)
    kept = np.flatnonzero(moments > NOTHING * max(float(moments.max(initial=0)), 1e-30))[-size:][::-1]
    axes = axes[:, kept]
    if len(kept):
        axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(len(kept))] < 0, -1, 1)
    return axes, moments[kept]


def _moved(
    space: Space, met: NDArray[np.int64], shown: sparse.csr_array, states: NDArray[np.float32], ridge: float
) -> Space:
    """With the items ``met`` moved by their own users (``states``, less what the item itself adds to them).

    Likes pull every item up; what they do to all of them is taken out again.
    """
    columns = shown.T.tocsr()
    scale = float((space.standardised(states) ** 2).sum(axis=1).mean())
    if not scale > 0:
        return space
    space = replace(space, numbers=replace(space.numbers, item_ridge=ridge * scale))
    for column, item in enumerate(met):
        start, end = columns.indptr[column : column + 2]
        step = max(1, -(-(end - start) // MOST))
        users, weights = columns.indices[start:end:step], columns.data[start:end:step]
        others = space.standardised(states[users] - np.outer(weights, space.codes[item]))
        space.items[item] = space.folding.fold_in(space.items[item], others, weights)
    space.items[met] += space.mean - space.items[met].mean(axis=0)
    return space


def _centred(space: Space, met: NDArray[np.int64]) -> Space:
    """With the mean and the covariance of the vectors of the items ``met``."""
    if not len(met):
        return space
    items = space.items[met]
    mean = items.mean(axis=0, dtype=np.float64)
    return replace(space, mean=mean.astype(np.float32), spread=covariance(items).astype(np.float32))

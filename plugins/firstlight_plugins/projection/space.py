"""What is served: the space that histories and contents are both mapped into."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from firstlight import Histories, Queries, rows_of
from firstlight_plugins.projection.features import FeatureMap
from firstlight_plugins.projection.folding import ItemFolding
from firstlight_plugins.projection.scaling import standardised

FILE = "projection.json"
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Numbers:
    """A liked history item counts 1 and another ``disliked``; n likes weigh the prior (``prior`` + ``kept`` · n) / n̄.

    ``mean_likes`` n̄: of a user in training. ``item_ridge`` (None = infinite) and ``item_target`` as in
    :class:`ItemFolding`.
    """

    positive_value: float
    disliked: float
    prior: float
    kept: float
    mean_likes: float
    item_ridge: float | None
    item_target: float

    def prior_weight(self, likes: NDArray[np.number]) -> NDArray[np.float64]:
        """(B,)."""
        return np.asarray((self.prior + self.kept * likes) / self.mean_likes, np.float64)


@dataclass(frozen=True)
class Space:
    """A user's state z = Σ w_j · codes_j + weight(n) · (1, x) · ``priors``; item c scores z · items_c.

    ``codes`` (N, d): what an item in a history adds; ``items`` (N, d): where it is; both from content alone for items
    without interactions, by ``content_codes`` (F, d) and ``content_items`` (F, d). ``priors`` (1 + P, d): the mean
    user, then each profile column. ``mean`` (d,) and ``spread`` (d, d): mean and covariance of where content places the
    items that somebody met; ``moments`` (d,): how far users' states differ along each axis. float32 each.
    """

    ARRAYS: ClassVar[tuple[str, ...]] = (
        "codes",
        "items",
        "content_codes",
        "content_items",
        "priors",
        "mean",
        "spread",
        "moments",
    )

    features: FeatureMap
    numbers: Numbers
    codes: Floats
    items: Floats
    content_codes: Floats
    content_items: Floats
    priors: Floats
    mean: Floats
    spread: Floats
    moments: Floats

    def save(self, directory: Path) -> None:
        """One ``.npy`` an array, and ``projection.json``."""
        for owner in (self, self.features):
            for name in owner.ARRAYS:
                np.save(directory / f"{name}.npy", getattr(owner, name), allow_pickle=False)
        (directory / FILE).write_text(json.dumps(asdict(self.numbers)), encoding="utf-8")

    @classmethod
    def read(cls, directory: Path, array: Any) -> Space:
        """Inverse of :meth:`save`; ``array`` opens a file."""
        state = json.loads((directory / FILE).read_text(encoding="utf-8"))
        own, maps = ({name: array(directory / f"{name}.npy") for name in c.ARRAYS} for c in (cls, FeatureMap))
        return cls(features=FeatureMap(**maps), numbers=Numbers(**state), **own)

    @property
    def folding(self) -> ItemFolding:
        """How an item's own interactions move it."""
        ridge = np.inf if self.numbers.item_ridge is None else self.numbers.item_ridge
        return ItemFolding(self.mean, ridge, self.numbers.item_target)

    def place(self, content: Floats) -> tuple[Floats, Floats]:
        """Codes and vectors, (M, d) each, of items known by ``content`` (M, C) alone; without any: 0 and the mean."""
        features, some = self.features(content), content.any(axis=1, keepdims=True)
        codes = (features @ self.content_codes) * some
        return codes.astype(np.float32), np.where(some, features @ self.content_items, self.mean)

    def weights(self, histories: Histories) -> NDArray[np.float32]:
        """(n,): how much each interaction counts."""
        liked = histories.positive(self.numbers.positive_value)
        return np.where(liked, 1.0, self.numbers.disliked).astype(np.float32)

    def states(self, queries: Queries, histories: Histories, live_codes: Floats) -> Floats:
        """(B, d): by ``histories`` (distinct items of ``queries``) and profiles."""
        codes = rows_of(self.codes, live_codes, histories.items)
        parts = [weights @ rows for weights, rows in histories.split(self.weights(histories), codes)]
        own = np.array(parts, np.float32).reshape(len(queries), codes.shape[1])
        liked = histories.positive(self.numbers.positive_value)
        likes = np.bincount(histories.rows[liked], minlength=len(queries))
        prior = self.priors[0] + queries.profiles @ self.priors[1:]
        weight = self.numbers.prior_weight(likes)[:, None]
        return np.asarray(own + weight * prior, np.float32)

    def standardised(self, states: Floats) -> Floats:
        """``states`` (B, d) scaled so that by content a user's scores have deviation 1 over the catalogue."""
        return standardised(states, self._wide_spread).astype(np.float32)

    @cached_property
    def _wide_spread(self) -> NDArray[np.float64]:
        return self.spread.astype(np.float64)

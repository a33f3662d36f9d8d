"""New items at training time: warm items hidden from a fit, then ranked for the users who liked them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstlight import Histories, Queries, TrainingData
from firstlight.learning import HeldOut, ndcg
from firstlight_plugins.projection.choosing import Choice, mean_of
from firstlight_plugins.projection.folding import ItemFolding
from firstlight_plugins.projection.priors import fit_priors
from firstlight_plugins.projection.scaling import covariance, standardised
from firstlight_plugins.projection.solving import Fit
from firstlight_plugins.projection.teacher import Array, matrix

ITEMS = 3_000
USERS = 20_000
ASKED = 1_000
"""Of a search, at most: items, users learnt from, and users asked."""

PARTS = 5
TRIALS = 5
"""Of ``PARTS`` parts of the items so many are hidden in turn; one above ``ALL_TRIALS_ITEMS`` items."""

ALL_TRIALS_ITEMS = 2_000
SHOWN, ALL = 10, -1
"""Interactions of an asked user that are seen."""

REVEALED = 5
"""First likes of a hidden item that are shown where its own interactions are weighed."""


@dataclass(frozen=True, slots=True)
class Sample:
    """``items`` int64 (S,), all warm, and ``rows`` of users; their ``histories`` with those items, renumbered."""

    items: NDArray[np.int64]
    rows: NDArray[np.int64]
    histories: Histories
    positive: NDArray[np.bool_]

    @classmethod
    def of(cls, data: TrainingData, seed: int) -> Sample:
        """At most ``ITEMS`` items that somebody liked and ``USERS`` users, by ``seed``."""
        generator = np.random.default_rng(seed)
        whole = data.dataset.histories
        liked = whole.positive(data.dataset.schema.positive_value)
        items = np.flatnonzero(np.bincount(whole.items[liked], minlength=len(data.dataset.item_ids)))
        items = np.sort(generator.permutation(items)[:ITEMS])
        rows = np.sort(generator.permutation(len(whole))[:USERS])
        histories = _within(whole.take(rows), items, len(data.dataset.item_ids))
        if not data.dataset.schema.has_times:
            histories = histories.shuffled(seed)
        return cls(items, rows, histories, histories.positive(data.dataset.schema.positive_value))

    def parts(self, seed: int) -> Iterator[NDArray[np.bool_]]:
        """Items hidden, bool (S,), in each trial."""
        part = np.random.default_rng(seed).permutation(len(self.items)) % PARTS
        for number in range(TRIALS if len(self.items) <= ALL_TRIALS_ITEMS else 1):
            yield part == number


class Trial:
    """One set of hidden items: what is learnt from the others, and how well the hidden ones are ranked."""

    def __init__(
        self,
        data: TrainingData,
        sample: Sample,
        features: Array,
        hidden: NDArray[np.bool_],
        *,
        kinds: NDArray[np.int64],
        dense_items: int,
    ) -> None:
        """``features`` (S, F) of the sample at scale 1, of ``kinds`` (F,)."""
        warm = np.flatnonzero(~hidden)
        histories = _within(sample.histories, warm, len(hidden))
        positive = histories.positive(data.dataset.schema.positive_value)
        self._fit = Fit(
            histories,
            positive,
            np.bincount(histories.items[positive], minlength=len(warm)).astype(np.float64),
            rows=np.arange(len(warm)),
            features=features[warm],
            kinds=kinds,
            dense_items=dense_items,
        )
        self._hidden_features, self._kinds = features[hidden], kinds
        others = sample.histories.keep(sample.positive)
        others = _within(others, np.flatnonzero(hidden), len(hidden)).distinct()
        asked = np.flatnonzero(others.lengths)
        asked = asked[:: -(-len(asked) // ASKED)] if len(asked) else asked
        self._relevant = np.zeros((len(asked), int(hidden.sum())), bool)
        liked = others.take(asked)
        self._relevant[liked.rows, liked.items] = True
        self._profiles = data.profiles[sample.rows[asked]]
        self._parts = np.arange(len(asked)) % PARTS
        whole = histories.take(asked)
        self._histories = {ALL: whole, SHOWN: whole.oldest(SHOWN)}
        self._positive_value = data.dataset.schema.positive_value

    def __len__(self) -> int:
        """Users asked."""
        return len(self._relevant)

    def by_history(self, choice: Choice) -> float:
        """NDCG@10 by whole histories, without a prior."""
        return self._quality(self._states(choice, ALL)[0], choice)

    def by_profile(self, choice: Choice) -> float:
        """NDCG@10 without any history; the prior of a user is learnt from the other asked users."""
        return self._quality(self._priors(choice), choice)

    def by_few(self, choice: Choice) -> float:
        """NDCG@10 by prior and the first ``SHOWN`` interactions."""
        return self._quality(self._with_prior(choice, SHOWN), choice)

    def by_all(self, choice: Choice) -> float:
        """NDCG@10 by prior and whole histories."""
        return self._quality(self._with_prior(choice, ALL), choice)

    def by_first_likes(self, choice: Choice) -> float:
        """NDCG@10 where the first likes of each hidden item are known, among the users who did not give them."""
        vectors = self._vectors(choice)
        states = standardised(self._with_prior(choice, ALL), covariance(vectors))
        ridge = choice.item_ridge * float((states**2).sum(axis=1).mean())
        folding = ItemFolding(vectors.mean(axis=0), ridge, choice.item_target)
        relevant, shown = self._relevant.copy(), np.zeros(self._relevant.shape, bool)
        vectors = vectors.copy()
        for item in range(len(vectors)):
            users = np.flatnonzero(self._relevant[:, item])[:REVEALED]
            vectors[item] = folding.fold_in(vectors[item], states[users], np.ones(len(users)))
            shown[users, item] = True
        relevant &= ~shown
        kept = np.flatnonzero(relevant.any(axis=1))
        values = np.where(shown, -np.inf, states @ vectors.T)[kept]
        return ndcg(values, HeldOut(Queries(self._profiles[kept], Histories.empty(len(kept))), relevant[kept]))

    def _quality(self, states: Array, choice: Choice) -> float:
        problem = HeldOut(Queries(self._profiles, Histories.empty(len(self))), self._relevant)
        return ndcg(states @ self._vectors(choice).T, problem)

    def _vectors(self, choice: Choice) -> Array:
        scales = choice.blocks[self._kinds]
        return self._hidden_features[:, scales > 0] * scales[scales > 0]

    def _states(self, choice: Choice, count: int) -> tuple[Array, Array]:
        """By history alone (E, K), and how many likes are in it (E,)."""
        histories = self._histories[count]
        positive = histories.positive(self._positive_value)
        shown = matrix(histories, np.where(positive, 1.0, choice.disliked), len(self._fit.votes))
        left, right = self._fit.codes(choice)
        return (shown @ left) @ right, np.bincount(histories.rows[positive], minlength=len(self)).astype(np.float64)

    def _priors(self, choice: Choice) -> Array:
        """The prior state (E, K) of each asked user, learnt from others, for the mean number of likes."""
        states, likes = self._states(choice.of_prior, ALL)
        out = np.zeros_like(states)
        for part in range(PARTS):
            mine, others = self._parts == part, self._parts != part
            priors = fit_priors(states[others], likes[others], self._profiles[others])
            out[mine] = priors[0] + choice.profile * self._profiles[mine] @ priors[1:]
        return out

    def _with_prior(self, choice: Choice, count: int) -> Array:
        states, likes = self._states(choice, count)
        weight = choice.prior_weight(likes) / mean_of(self._fit.likes)
        return states + weight[:, None] * self._priors(choice)


def _within(histories: Histories, items: NDArray[np.int64], size: int) -> Histories:
    """Only interactions with ``items``, which become 0, 1, ..."""
    number = np.full(size, -1, np.int32)
    number[items] = np.arange(len(items), dtype=np.int32)
    kept = histories.keep(number[histories.items] >= 0)
    return replace(kept, items=number[kept.items])

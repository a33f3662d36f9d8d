"""The teacher: an ensemble of fitted components, calibrated and weighed by how much of a user is known."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstlight import CandidateGenerator, Component, FitOptions, ItemTable, Queries, TrainingData
from firstlight.learning import best_columns, held_out, ideal_dcg, ndcg_of_columns

KNOTS = (0, 1, 3, 5, 10)
DENSE_ITEMS = 2_000
"""Up to this many items a teacher ranks all of them, above those that its components propose."""
PROPOSALS = 100
"""What each component proposes of a larger catalogue."""
VALIDATION_PART = 7
"""One in so many users validates where a component is fitted again without the validation users."""
ROUNDS = 12
FOLDS = 4
NARROW = 50
"""Candidates of each component that the search for weights looks at."""
SHARPNESS = 2.0 ** np.arange(-4, 5.01, 0.5)
"""Tried inverse temperatures, in log share per standard deviation of a component's scores."""
_BATCH = 256

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Teacher:
    """S components, the prior first: at knot k of evidence their ``sharpness`` and ``weight``, (K, S) each.

    The log share of an item is Σ weight · log softmax(sharpness · score), times ``level`` (K,): each component and
    their sum are scaled by one temperature so that the held-out choices are likeliest (Guo et al., "On calibration of
    modern neural networks", ICML 2017). Where a component knows nothing, it says what the prior says.
    """

    components: tuple[Component, ...]
    sharpness: Array
    weight: Array
    level: Array

    def log_shares(
        self, queries: Queries, positions: NDArray[np.int32], excluded: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """float32 (B, C): log share of each of ``positions`` (B, C) among those not ``excluded`` (B, C), which get −∞.

        Between two knots both are interpolated on log(1 + k).
        """
        shown = queries.histories.lengths
        sharpness, weight = (_between(table, shown) for table in (self.sharpness, self.weight))
        out = np.empty(positions.shape, np.float32)
        for start in range(0, len(queries), _BATCH):
            part = slice(start, min(start + _BATCH, len(queries)))
            scores, known = _ask(self.components, queries.take(np.arange(part.start, part.stop)), positions[part])
            shares = _calibrated(scores, known, excluded[part], sharpness[part].T)
            mixed = np.einsum("bs,sbc->bc", weight[part], np.where(excluded[part], 0, shares))
            level = _between(self.level[:, None], shown[part])
            out[part] = _log_softmax(np.where(excluded[part], -np.inf, level * mixed))
        return out


def assemble(
    data: TrainingData, components: Mapping[str, Component], options: FitOptions
) -> tuple[Teacher, dict[str, float]]:
    """Temperatures and weights at each knot from the validation users, and the ensemble's NDCG@10 on them.

    ``components``: the prior first. Without validation users all weigh the same.
    """
    members = tuple(_unbiased(data, components, options).values())
    size = len(members)
    sharpness, weight, level = np.ones((len(KNOTS), size)), np.full((len(KNOTS), size), 1 / size), np.ones(len(KNOTS))
    metrics: dict[str, float] = {}
    for n, shown in enumerate(KNOTS):
        problem = held_out(data, shown=shown)
        queries = problem.queries
        if not len(queries):
            continue
        positions = proposed(members, queries, data.items.base_size)
        excluded = positions < 0
        excluded |= queries.histories.holding(positions)
        relevant = np.take_along_axis(problem.relevant, np.maximum(positions, 0), axis=1) & ~excluded
        scores, known = _ask(members, queries, positions)
        sharpness[n] = [_sharpness(np.where(k, s, 0), relevant, excluded) for s, k in zip(scores, known, strict=True)]
        shares = _calibrated(scores, known, excluded, np.repeat(sharpness[n][:, None], len(queries), axis=1))
        weight[n], quality = _weights(shares, relevant, problem.relevant.sum(axis=1))
        mixed = np.einsum("s,sbc->bc", weight[n], np.where(excluded, 0, shares))
        level[n] = _sharpness(mixed, relevant, excluded)
        metrics[f"teacher_ndcg k={shown}"] = quality
        metrics |= {f"weight {name} k={shown}": float(w) for name, w in zip(components, weight[n], strict=True)}
    return Teacher(tuple(components.values()), sharpness, weight, level), metrics


def _unbiased(data: TrainingData, components: Mapping[str, Component], options: FitOptions) -> dict[str, Component]:
    """The components as they are without the validation users, whom most of them learn from in the end.

    Asked about users they have learnt from, they would seem better than they are, those most that learn by heart. The
    prior hardly does, and a component with ``states`` is a network, which stopped by these users instead: both stay.
    """
    rows = data.training
    dataset = data.dataset.select_users(rows)
    others = np.flatnonzero(np.arange(len(rows)) % VALIDATION_PART == 0)
    part = replace(
        data,
        dataset=dataset,
        profiles=data.profiles[rows],
        items=ItemTable(data.items.base_content, dataset.counts()),
        validation=others,
    )
    found: dict[str, Component] = {}
    for name, component in components.items():
        found[name] = component
        if found.keys() != {name} and not hasattr(component, "states"):
            found[name] = copy(component)
            found[name].fit(part, replace(options, progress=_silent, components={**options.components, **found}))
    return found


def _silent(stage: str, share: float) -> None:
    """Fits inside this fit tell nobody how far they are."""


def proposed(components: tuple[Component, ...], queries: Queries, items: int) -> NDArray[np.int32]:
    """int32 (B, C): all items of a small catalogue, else what the components propose, each once, padded with −1."""
    if items <= DENSE_ITEMS:
        return np.broadcast_to(np.arange(items, dtype=np.int32), (len(queries), items))
    found = [c.generate(queries, PROPOSALS).positions for c in components if isinstance(c, CandidateGenerator)]
    rows = np.sort(np.concatenate(found, axis=1), axis=1)
    rows[:, 1:][rows[:, 1:] == rows[:, :-1]] = -1
    return np.where(rows < items, rows, -1)


def _ask(
    components: tuple[Component, ...], queries: Queries, positions: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores and what is known, (S, B, C) each."""
    found = [component.score(queries, positions) for component in components]
    return np.stack([scores.values for scores in found]), np.stack([scores.known for scores in found])


def _calibrated(
    scores: NDArray[np.float32], known: NDArray[np.bool_], excluded: NDArray[np.bool_], sharpness: Array
) -> Array:
    """Log shares (S, B, C) of ``scores`` (S, B, C) with ``sharpness`` (S, B); −∞ where ``excluded`` (B, C)."""
    out = np.empty(scores.shape)
    for s in range(len(scores)):
        own = _log_softmax(np.where(excluded, -np.inf, sharpness[s][:, None] * np.where(known[s], scores[s], 0)))
        out[s] = own if s == 0 else np.where(known[s], own, out[0])
    return out


def _sharpness(scores: NDArray[np.floating], relevant: NDArray[np.bool_], excluded: NDArray[np.bool_]) -> float:
    """The inverse temperature under which softmax(· scores), (B, C), makes what is ``relevant`` likeliest."""
    deviation = float(scores[~excluded].std()) if (~excluded).any() else 0.0
    if deviation < 1e-9:
        return 1.0
    likely = [
        float(_log_softmax(np.where(excluded, -np.inf, scores * (tried / deviation)))[relevant].sum())
        for tried in SHARPNESS
    ]
    return float(SHARPNESS[int(np.argmax(likely))] / deviation)


def _weights(shares: Array, relevant: NDArray[np.bool_], total: NDArray[np.int64]) -> tuple[Array, float]:
    """Weights (S,) by forward selection with replacement on NDCG@10, and what the mean over folds reaches.

    Caruana et al., "Ensemble selection from libraries of models", ICML 2004; bagged: each of four searches leaves out
    a fourth of the users.
    """
    columns = _promising(shares)
    shares = np.take_along_axis(shares, columns[None], axis=2)
    shares = np.maximum(shares, -1e6)
    relevant = np.take_along_axis(relevant, columns, axis=1)
    fold = np.arange(len(total)) % FOLDS
    found = []
    for f in range(min(FOLDS, len(total))):
        rows = fold != f if len(total) > FOLDS else np.ones(len(total), np.bool_)
        found.append(_select(shares[:, rows], relevant[rows], total[rows]))
    weights = np.mean(found, axis=0)
    return weights, float(ndcg_of(np.einsum("s,sbc->bc", weights, shares), relevant, total).mean())


def _select(shares: Array, relevant: NDArray[np.bool_], total: NDArray[np.int64]) -> Array:
    """The prior, then in each round the component that raises NDCG most, while one does not lower it."""
    counts = np.zeros(len(shares))
    counts[0] = 1
    mixed, best = shares[0].copy(), float(ndcg_of(shares[0], relevant, total).mean())
    kept = counts.copy()
    for _ in range(ROUNDS):
        tried = [float(ndcg_of(mixed + more, relevant, total).mean()) for more in shares]
        s = int(np.argmax(tried))
        counts[s] += 1
        mixed = mixed + shares[s]
        if tried[s] > best:
            best, kept = tried[s], counts.copy()
    return np.asarray(kept / kept.sum())


def ndcg_of(values: NDArray[np.floating], relevant: NDArray[np.bool_], total: NDArray[np.int64]) -> Array:
    """NDCG@10 (B,) of ``values`` (B, C); ``total`` (B,): how many were to be found, outside of ``relevant`` too."""
    return ndcg_of_columns(best_columns(values), relevant, ideal_dcg(total))


def _promising(shares: Array) -> NDArray[np.int64]:
    """int64 (B, C'): the columns that some component puts among its best."""
    width = shares.shape[2]
    if width <= NARROW:
        return np.broadcast_to(np.arange(width), shares.shape[1:])
    chosen = np.zeros(shares.shape[1:], np.bool_)
    for values in (*shares, np.where(np.isfinite(shares), shares, 0).mean(axis=0)):
        np.put_along_axis(chosen, np.argpartition(-values, NARROW - 1, axis=1)[:, :NARROW], True, axis=1)
    most = int(chosen.sum(axis=1).max(initial=0))
    return np.argsort(~chosen, axis=1, kind="stable")[:, :most]


def _between(table: Array, shown: NDArray[np.int64]) -> Array:
    """(B, X): rows of ``table`` (K, X) at ``shown`` (B,) interactions."""
    at = np.log1p(shown)
    return np.stack([np.interp(at, np.log1p(KNOTS), column) for column in table.T], axis=1)


def _log_softmax(values: NDArray[np.floating]) -> Array:
    """Over the last axis; −∞ stays, and a row of nothing else stays −∞."""
    highest = values.max(axis=-1, keepdims=True, initial=-np.inf)
    shifted = values - np.where(np.isfinite(highest), highest, 0)
    total = np.exp(shifted).sum(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.where(total > 0, total, 1)))

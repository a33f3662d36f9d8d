"""How the fusion is learnt from cross-fitted examples, one knot of evidence at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstlight import Evidence, Progress, RankingExamples, RankingInputs, Source
from firstlight.learning import best_columns, ndcg_of_columns
from firstlight_plugins.fusion.calibration import base_rate, platt
from firstlight_plugins.fusion.parameters import COLD, WARM, Array, Parameters
from firstlight_plugins.fusion.search import OUTSIDE, Problem, climb

PRIOR = "popularity"
KNOTS = (0, 1, 3, 5, 10, 20, 50)
SMALL = 30
"""Queries below which weights are not learnt: a slice so small would only be memorised."""
HALF_TRUST = 20.0
"""c of the default weight n / (n + c) that all components but the prior share after n interactions."""
MEASURED = (0, 1, 3, 5, 10)
"""Numbers of interactions at which a bundle states the quality of its components."""
NEW_USER, NEW_ITEM = "new-user", "new-item"
FOLDS = 4
DOUBT = 1.645
"""Standard errors of a gain that exclude chance at 95 %, one-sided."""
WORTH = 0.01
"""The least gain, as a share of the prior's quality, that is worth leaving the prior for without any interaction."""
OFFSETS = np.arange(-6.0, 6.01, 0.1)


@dataclass(frozen=True, slots=True)
class Slice:
    """All examples at one knot: ``inputs`` of B queries and ``relevant`` bool (B, C)."""

    knot: int
    inputs: RankingInputs
    relevant: NDArray[np.bool_]

    def block(self, block: int) -> NDArray[np.bool_]:
        """bool (B, C): candidates of the warm or of the cold block."""
        new = self.inputs.counts == 0
        return np.asarray((self.inputs.positions >= 0) & (new if block == COLD else ~new))

    def wanting(self, block: int) -> NDArray[np.bool_]:
        """bool (B,): queries that want an item of the block."""
        return np.asarray((self.relevant & self.block(block)).any(axis=1))


def learn(
    examples: Sequence[RankingExamples],
    *,
    new_item_cost: float,
    source: Source | None = None,
    seed: int,
    progress: Progress | None = None,
) -> tuple[Parameters, dict[str, float]]:
    """Parameters at every knot with examples, and the cross-validated gain over the prior at each."""
    slices = _slices(examples)
    names = examples[0].inputs.names
    prior = PRIOR if PRIOR in names else names[0]
    names = (prior, *(name for name in names if name != prior))
    fitted: list[Parameters] = []
    metrics: dict[str, float] = {}
    for n, part in enumerate(slices):
        leaders = tuple(leader(source, names, part.knot, block) for block in (WARM, COLD))
        rng = np.random.default_rng([seed, part.knot])
        parameters, gains = _learn_knot(part, names, leaders, new_item_cost, rng)
        fitted.append(parameters)
        metrics.update({f"gain {block} k={part.knot}": gain for block, gain in gains.items()})
        if progress:
            progress("fusion", (n + 1) / len(slices))
    arrays = {
        field: np.concatenate([getattr(p, field) for p in fitted], axis=1)
        for field in ("slope", "intercept", "weight", "level")
    }
    knots, offset = (np.concatenate([getattr(p, field) for p in fitted]) for field in ("knots", "offset"))
    return Parameters(names, knots=knots, offset=offset, **arrays), metrics


def leader(source: Source | None, names: tuple[str, ...], knot: int, block: int) -> int:
    """The place in ``names`` of the component to trust until users of this catalogue say otherwise.

    The carried one that was furthest ahead of the prior among the source's users who knew as much; else the prior.
    """
    if source is None:
        return 0
    known = max(k for k in MEASURED if k <= knot)
    name = NEW_ITEM if block == COLD else f"{NEW_USER} k={known}"
    ahead = {
        carried: source.metrics[f"ndcg {name} {carried}"] - source.metrics[f"ndcg {name} {names[0]}"]
        for carried in source.carried
        if carried in names and {f"ndcg {name} {carried}", f"ndcg {name} {names[0]}"} <= source.metrics.keys()
    }
    best = max(ahead, key=lambda carried: ahead[carried], default=names[0])
    return names.index(best) if ahead.get(best, 0.0) > 0 else 0


def _learn_knot(
    part: Slice, names: tuple[str, ...], leaders: tuple[int, ...], new_item_cost: float, rng: np.random.Generator
) -> tuple[Parameters, dict[str, float]]:
    parameters = _calibrate(part, names)
    scores = parameters.calibrated(part.inputs)
    order = rng.permutation(len(part.relevant))
    gains: dict[str, float] = {}
    for block, name in ((WARM, "warm"), (COLD, "new item")):
        speaks = _speaking(part, names, block)
        weights, gain = _weigh(part, block, scores, speaks, order, leader=leaders[block])
        parameters.weight[block, 0] = weights
        if gain is not None:
            gains[name] = gain
    fused = parameters.parts(part.inputs).sum(axis=0)
    return replace(parameters, offset=np.array([_offset(part, fused, new_item_cost)])), gains


def _calibrate(part: Slice, names: tuple[str, ...]) -> Parameters:
    """Slopes and intercepts of this knot.

    A block that fewer than ``SMALL`` queries want an item of takes the other's, so that between the two blocks a
    component's own order stands: how far apart they are could not be told.
    """
    shape = (2, 1, len(names))
    slope, intercept, level = np.ones(shape), np.zeros(shape), np.zeros((2, 1))
    told = [block for block in (WARM, COLD) if part.wanting(block).sum() >= SMALL]
    there = told or [block for block in (WARM, COLD) if part.block(block).any()][:1]
    for block in there:
        inside = part.block(block)
        level[block] = base_rate(part.relevant[inside])
        for s, name in enumerate(names):
            known = inside & part.inputs.known[part.inputs.names.index(name)]
            slope[block, 0, s], intercept[block, 0, s] = platt(
                part.inputs.scores[part.inputs.names.index(name)][known], part.relevant[known]
            )
    for block in {WARM, COLD} - set(there) if there else ():
        slope[block], intercept[block], level[block] = slope[1 - block], intercept[1 - block], level[1 - block]
    return Parameters(
        names, np.array([float(part.knot)]), slope, intercept, np.full(shape, 1 / len(names)), level, np.zeros(1)
    )


def _speaking(part: Slice, names: tuple[str, ...], block: int) -> NDArray[np.bool_]:
    """bool (S,): components that know any candidate of a block."""
    inside = part.block(block)
    return np.array([bool((inside & part.inputs.known[part.inputs.names.index(name)]).any()) for name in names])


def _weigh(
    part: Slice,
    block: int,
    scores: NDArray[np.float32],
    speaks: NDArray[np.bool_],
    order: NDArray[np.int64],
    *,
    leader: int,
) -> tuple[Array, float | None]:
    """Weights (S,) of one block, and their cross-validated gain in NDCG@10 over the prior; None where not learnt.

    Each fold of the queries is scored by weights learnt on the others. Where that does not beat the prior, the prior
    ranks alone; without interactions it has to clearly, since the prior knows the profile too. Else
    the weights are the mean over folds. A ``leader`` other than the prior counts as much as ``SMALL`` queries that
    want it alone.
    """
    size = len(scores)
    alone, trusted = np.eye(size)[[0, leader]]
    relevant = part.relevant & part.block(block)
    total = relevant.sum(axis=1)
    others = speaks & (np.arange(size) > 0)
    if not others.any():
        return alone, None
    if (total > 0).sum() < SMALL:
        share = part.knot / (part.knot + HALF_TRUST)
        return (1 - share) * trusted + share * others / others.sum(), None
    active = np.flatnonzero(others | (np.arange(size) == 0))
    problem = Problem.of(scores[active], part.block(block), relevant, total)
    fold = (np.argsort(order) % FOLDS)[total > 0]
    base = problem.ndcg(problem.scores[0])
    found, gains = [], np.zeros(len(problem))
    for f in range(FOLDS):
        weights = climb(problem.take(fold != f))
        tested = problem.take(fold == f)
        gains[fold == f] = tested.ndcg(tested.fused(weights)) - base[fold == f]
        found.append(weights)
    gain, error = float(gains.mean()), float(gains.std() / np.sqrt(len(gains)))
    weights = alone.copy()
    needed = max(DOUBT * error, WORTH * float(base.mean())) if part.knot == 0 else 0.0
    if gain > needed:
        weights[active] = np.mean(found, axis=0)
    learnt = len(problem) / (len(problem) + SMALL) if leader else 1.0
    return learnt * weights + (1 - learnt) * trusted, gain


def _offset(part: Slice, fused: NDArray[np.float32], cost: float) -> float:
    """What to add to new items: they are shown as often as they are wanted, as far as that can be had.

    Of the offsets that leave 1 − ``cost`` of the best NDCG@10 over both blocks together, the one whose share of new
    items in the top 10 is nearest to their share of what is wanted. 0 where too few queries want a new item to tell.
    """
    cold, warm = part.block(COLD), part.block(WARM)
    total = part.relevant.sum(axis=1)
    both = (total > 0) & cold.any(axis=1) & warm.any(axis=1)
    if part.wanting(COLD)[both].sum() < SMALL:
        return 0.0
    blocks = np.stack([np.where(warm, fused, OUTSIDE), np.where(cold, fused, OUTSIDE)])
    problem = Problem.of(blocks, cold | warm, part.relevant, np.where(both, total, 0))
    wanted = (part.relevant & cold)[both].sum() / part.relevant[both].sum()
    quality, shown = np.array([_judged(problem, offset) for offset in OFFSETS]).T
    allowed = quality >= (1 - cost) * quality.max()
    return float(OFFSETS[np.argmin(np.where(allowed, np.abs(shown - wanted), np.inf))])


def _judged(problem: Problem, offset: float) -> tuple[float, float]:
    """NDCG@10 of old and new items together, ``offset`` added to the new ones, and their share of the top 10."""
    old, new = problem.scores[WARM], problem.scores[COLD] + offset
    values = np.maximum(old, new)
    top = best_columns(values)
    best, fresh = (np.take_along_axis(array, top, axis=1) for array in (values, new))
    quality = ndcg_of_columns(top, problem.relevant, problem.ideal)
    return float(quality.mean()), float((fresh == best)[best > OUTSIDE / 2].mean())


def _slices(examples: Sequence[RankingExamples]) -> list[Slice]:
    """Examples by the highest knot that is not above their number of interactions."""
    slices = []
    for n, knot in enumerate(KNOTS):
        following = KNOTS[n + 1] if n + 1 < len(KNOTS) else np.inf
        parts = []
        for example in examples:
            count = example.inputs.evidence.interactions
            rows = np.flatnonzero((count >= knot) & (count < following))
            if len(rows):
                parts.append((example.inputs.take(rows), example.relevant[rows]))
        if parts:
            slices.append(_join(knot, parts))
    return slices


def _join(knot: int, parts: Sequence[tuple[RankingInputs, NDArray[np.bool_]]]) -> Slice:
    if len(parts) == 1:
        return Slice(knot, *parts[0])
    width = max(inputs.positions.shape[1] for inputs, _ in parts)

    def joined(arrays: Sequence[NDArray[np.generic]], fill: float) -> NDArray[np.generic]:
        padded = [np.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, width - a.shape[-1])], constant_values=fill) for a in arrays]
        return np.concatenate(padded, axis=-2)

    every = [inputs for inputs, _ in parts]
    evidence = Evidence(
        *(
            np.concatenate([getattr(i.evidence, field) for i in every])
            for field in ("interactions", "positives", "profile_fields")
        )
    )
    inputs = RankingInputs(
        every[0].names,
        joined([i.scores for i in every], 0),  # type: ignore[arg-type]
        joined([i.known for i in every], 0),  # type: ignore[arg-type]
        joined([i.positions for i in every], -1),  # type: ignore[arg-type]
        joined([i.counts for i in every], 0),  # type: ignore[arg-type]
        evidence,
    )
    return Slice(knot, inputs, joined([relevant for _, relevant in parts], 0))  # type: ignore[arg-type]

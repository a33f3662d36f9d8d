"""Learns the body on this catalogue, from nothing or from what another catalogue's body says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firstlight import Dataset, FitOptions, Histories, TrainingData
from firstlight.learning import HeldOut, held_out, ndcg, place_weights
from firstlight_plugins.transfer.body import Body, translation
from firstlight_plugins.transfer.rates import Rates, fit_rates
from firstlight_plugins.transfer.taste import Form, Moments, Space, contexts

Array = NDArray[np.float64]
Mode = Literal["frozen", "adapted", "fine_tuned"]
NAME = "transfer"
LEAST_USERS = 30
"""Validation users with something to find, below which nothing is chosen on them."""
MAX_USERS = 20_000
NEWEST = 500
SHOWN = (3, 10)
CROWDINGS = (5.0, 1.0)
RIDGES = (300.0, 1000.0, 100.0)
SCALES = (0.25, 0.5, 1.0, 0.0)
CARRIED_SCALE = 0.5
"""The most of the source's scale where this catalogue cannot tell: what is best there is too much elsewhere."""
PULLS = (10.0, 3.0, 1.0)
"""How much harder than it was learnt with the form is held to the source's."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """``body`` in this catalogue's columns; ``rates`` with the level; ``votes`` (N,) of every item; the ``space``."""

    body: Body
    rates: Rates
    votes: Array
    space: Space
    metrics: dict[str, float]


def learn(data: TrainingData, options: FitOptions, *, mode: Mode, names: Mapping[str, str]) -> Learnt:
    """Choose on the validation users where there are enough, then learn from all users.

    ``names``: this catalogue's attribute → the source's.
    """
    metrics: dict[str, float] = {}
    start = Body.blank(data.content_names, data.profile_names)
    if options.source is not None:
        start, metrics["matched"] = _carried(data, options, names)
    carried = start.ridge > 0
    mode = mode if carried else "fine_tuned"
    problems = [held_out(data, shown=shown) for shown in SHOWN]
    enough = len(problems[0].relevant) >= LEAST_USERS
    rows = data.training
    rates, votes = _rates(data, rows, start, mode, keep_shape=carried and mode != "fine_tuned", seed=options.seed)
    start = replace(start, shape=rates.shape)
    quality = 0.0
    chosen = replace(start, ridge=start.ridge * PULLS[0] if carried else RIDGES[0])
    if enough:
        chosen, quality = _choose(data, rows, start, votes, mode=mode, problems=problems)
    everyone = np.arange(len(data.dataset.user_ids))
    rates, votes = _rates(data, everyone, start, mode, keep_shape=True, seed=options.seed)
    space = Space.of(_content(data, chosen), votes)
    taste = start.taste if mode == "frozen" else _form(data, everyone, space, chosen).solve(chosen.ridge, start.taste)
    body = replace(chosen, rate=rates.coefficients, taste=taste, ridge=start.ridge if carried else chosen.ridge)
    metrics |= {
        "validation_ndcg": quality,
        "shape": body.shape,
        "scale": body.scale,
        "crowding": body.crowding,
        "ridge": chosen.ridge,
    }
    return Learnt(body, rates, votes, space, metrics)


def _carried(data: TrainingData, options: FitOptions, names: Mapping[str, str]) -> tuple[Body, float]:
    """The source's body in this catalogue's columns, and the share of its content columns that mean anything here."""
    source = options.source
    assert source is not None
    body = Body.load(source.component(NAME))
    body = replace(body, scale=min(CARRIED_SCALE, body.scale))
    rows = [{names.get(name, name): value for name, value in item.items()} for item in data.dataset.item_attributes]
    users = [{names.get(name, name): value for name, value in user.items()} for user in data.dataset.user_attributes]
    theirs, profiles = source.content(rows), source.profiles(users)
    content = translation(data.items.base_content, theirs)
    profile = translation(data.profiles, profiles)
    matched = float((np.ptp(theirs, axis=0) > 0).mean()) if theirs.size else 0.0
    return body.translated(data.content_names, data.profile_names, content, profile), matched


def _counts(dataset: Dataset) -> Array:
    """Votes (N,): positive interactions by their place in the history."""
    histories = dataset.histories
    weights = place_weights(histories, ordered=dataset.schema.has_times)
    weights = weights * histories.positive(dataset.schema.positive_value)
    return np.asarray(np.bincount(histories.items, weights, minlength=len(dataset.item_ids)), np.float64)


def _rates(
    data: TrainingData, rows: NDArray[np.int64], start: Body, mode: Mode, *, keep_shape: bool, seed: int
) -> tuple[Rates, Array]:
    """Rates by content, and the votes (N,) of every item after what was counted.

    Text comes last and explains what is left: so the other columns mean the same where there is no such text. An
    adapted body may find that content means something else here, and start from nothing.
    """
    content = data.items.base_content
    counts = _counts(data.dataset.select_users(rows))
    seen = data.items.base_counts > 0
    text = np.array([_is_text(name) for name in data.content_names], bool)
    rates = Rates(start.rate, 0.0, start.shape)
    for free in (~text, text) if mode != "frozen" else (np.zeros_like(text),):
        shape = start.shape if keep_shape else None
        starts = [rates.coefficients]
        if mode == "adapted" and rates.coefficients is start.rate:
            starts.append(np.zeros_like(start.rate))
        rates = fit_rates(content[seen], counts[seen], starts, free=free, shape=shape, seed=seed)
    return rates, rates.posterior(rates.expected(content), counts, seen)


def _choose(
    data: TrainingData,
    rows: NDArray[np.int64],
    start: Body,
    votes: Array,
    *,
    mode: Mode,
    problems: list[HeldOut],
) -> tuple[Body, float]:
    """``start`` with the choices of the best mean NDCG, and that NDCG. ``ridge`` is the one to learn with."""
    best, quality = start, -1.0
    prior = np.log(votes)
    for body in _bodies(data, start, mode):
        space = Space.of(_content(data, body), votes)
        asked = [
            contexts(
                space,
                problem.queries.histories,
                problem.queries.profiles,
                positive_value=data.dataset.schema.positive_value,
                crowding=body.crowding,
            )
            for problem in problems
        ]
        form = None if mode == "frozen" else _form(data, rows, space, body)
        for ridge in _ridges(start, mode):
            taste = start.taste if form is None else form.solve(ridge, start.taste)
            lifts = [context @ taste @ space.content.T for context in asked]
            for scale in dict.fromkeys((start.scale, *SCALES)):
                pairs = zip(lifts, problems, strict=True)
                found = float(np.mean([ndcg(prior + scale * lift, problem) for lift, problem in pairs]))
                if found > quality:
                    best, quality = replace(body, ridge=ridge, scale=scale), found
    return best, quality


def _bodies(data: TrainingData, start: Body, mode: Mode) -> Iterator[Body]:
    """What to try of the choices that change the moments."""
    if mode != "fine_tuned":
        yield start
        return
    text = (True, False) if any(_is_text(name) for name in data.content_names) else (True,)
    for with_text, crowding in product(text, CROWDINGS):
        yield replace(start, with_text=with_text, crowding=crowding)


def _ridges(start: Body, mode: Mode) -> tuple[float, ...]:
    if mode == "frozen":
        return (start.ridge,)
    return tuple(start.ridge * pull for pull in PULLS) if start.ridge > 0 else RIDGES


def _form(data: TrainingData, rows: NDArray[np.int64], space: Space, body: Body) -> Form:
    rows = rows[:: -(-len(rows) // MAX_USERS)] if len(rows) else rows
    moments = Moments.of(
        space,
        _ordered(data.dataset, rows),
        data.profiles[rows],
        positive_value=data.dataset.schema.positive_value,
        crowding=body.crowding,
    )
    return Form(moments)


def _ordered(dataset: Dataset, rows: NDArray[np.int64]) -> Histories:
    """The newest 500 distinct interactions of each user; without times in a seeded order."""
    histories = dataset.histories.take(rows).distinct().newest(NEWEST)
    return histories if dataset.schema.has_times else histories.shuffled(seed=0)


def _content(data: TrainingData, body: Body) -> NDArray[np.float32]:
    """Content (N, C) as the form sees it: zeros for text where text does not count."""
    if body.with_text:
        return data.items.base_content
    return data.items.base_content * np.array([not _is_text(name) for name in data.content_names], np.float32)


def _is_text(name: str) -> bool:
    """Whether a content column is part of a text vector: ``title~3``."""
    return "~" in name and "=" not in name

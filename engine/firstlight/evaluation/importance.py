"""What each attribute is worth: how much worse the lists are when it says something of somebody else.

Permutation importance (Breiman, Random Forests, 2001): one attribute's columns are shuffled over the users asked, or
over the items ranked, everything else stays; the NDCG@10 that the fusion loses is what the attribute was worth there.
Attributes that say the same share their worth, and each alone then looks worth less than both together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Histories, Queries
from firstlight.evaluation.protocols import NEW_ITEM, NEW_USER, Case, Split
from firstlight.training import Product
from firstlight.training.metrics import Array
from firstlight.training.problems import Problem, Quality, propose, without_history

USERS, ITEMS = "user", "item"
REPEATS = 5
"""Shuffles of each attribute."""
ASKED = 500
"""Users of a case that are asked, the first ones."""
RANKED = 1_000
"""New items that are ranked, the first ones."""
SHOWN = (0, 3, 10)
SLICES = (NEW_USER, NEW_ITEM, f"{NEW_USER} × {NEW_ITEM}")


@dataclass(frozen=True, slots=True)
class Importance:
    """``attribute`` of ``side`` (user or item) in one slice: NDCG@10 lost without it, mean over users and shuffles.

    ``interval``: 95 %, over users and shuffles. ``ndcg``: before, as measured here.
    """

    slice_name: str
    shown: int | None
    side: str
    attribute: str
    users: int
    ndcg: float
    drop: float
    interval: tuple[float, float]


def importances(split: Split, product: Product, *, seed: int) -> list[Importance]:
    """Of every attribute in the new-user slices (k = 0, 3, 10), and of new items. Appends live items to ``product``.

    New items are ranked as live items: components then have nothing of them but the content that is shuffled.
    """
    return [
        found
        for case in split.cases
        if case.slice_name in SLICES and case.shown in (None, *SHOWN) and len(case.users)
        for found in _of_case(case, split, product, np.random.default_rng(seed))
    ]


def _of_case(case: Case, split: Split, product: Product, rng: np.random.Generator) -> Iterator[Importance]:
    queries = Queries(product.encoders.profiles(case.attributes), case.histories, tuple(case.attributes))
    problem = Problem(queries, case.targets, case.users).take(np.arange(min(len(case.users), ASKED)))
    content = None
    if case.only is not None:
        only = case.only[:RANKED]
        content = product.encoders.content([split.training.item_attributes[n] for n in only])
        problem = replace(problem, targets=_places(problem.targets, only)).solvable()
        if not len(problem):
            return

    def asked(queries: Queries, content: NDArray[np.float32] | None) -> Array:
        return _ndcg(product, replace(problem, queries=queries), content)

    before = asked(problem.queries, content)

    def found(side: str, attribute: str, shuffled: list[Array]) -> Importance:
        drops = before - np.array(shuffled)
        numbers = len(before), float(before.mean()), float(drops.mean())
        return Importance(case.slice_name, case.shown, side, attribute, *numbers, _interval(drops))

    encoders, repeats = product.encoders, range(REPEATS)
    if case.slice_name != NEW_ITEM:
        for field in dict.fromkeys(encoders.profile_fields):
            others = [_shuffled(problem.queries, encoders.profile_fields, field, rng) for _ in repeats]
            yield found(USERS, field, [asked(queries, content) for queries in others])
    if content is not None:
        for field in dict.fromkeys(encoders.content_fields):
            columns = _columns(encoders.content_fields, field)
            orders = [rng.permutation(len(content)) for _ in repeats]
            yield found(ITEMS, field, [asked(problem.queries, _dealt(content, columns, order)) for order in orders])


def _ndcg(product: Product, problem: Problem, content: NDArray[np.float32] | None) -> Array:
    """NDCG@10 (B,) of the fusion: on what serving would rank, or on live items with ``content`` (M, C) alone."""
    model = product.model
    if content is None:
        positions = without_history(propose(model, problem.queries), problem.queries)
        targets = problem.targets
    else:
        live = model.items.append(content)
        positions = np.tile(live, (len(problem), 1))
        targets = replace(problem.targets, items=live[problem.targets.items])
    return Quality.of(model.rank(problem.queries, positions).values, positions, targets).ndcg


def _interval(drops: Array) -> tuple[float, float]:
    """The 95 % interval of the mean of ``drops`` (shuffles, users), both drawn anew; the normal approximation."""
    users, shuffles = drops.mean(axis=0), drops.mean(axis=1)
    half = 1.96 * float(np.sqrt(users.var() / len(users) + shuffles.var(ddof=1) / len(shuffles)))
    return float(drops.mean()) - half, float(drops.mean()) + half


def _places(targets: Histories, only: NDArray[np.int32]) -> Histories:
    """``targets`` among ``only`` (M,), ascending positions, as places in it."""
    kept = targets.keep(np.isin(targets.items, only))
    return replace(kept, items=np.searchsorted(only, kept.items).astype(np.int32))


def _shuffled(queries: Queries, fields: tuple[str, ...], field: str, rng: np.random.Generator) -> Queries:
    """``queries`` with what they say of ``field`` dealt anew among them; ``fields`` (P,) as in ``TrainingData``."""
    order = rng.permutation(len(queries))
    given = queries.attributes
    attributes = [{name: value for name, value in mine.items() if name != field} for mine in given]
    for mine, other in zip(attributes, order.tolist(), strict=True):
        if field in given[other]:
            mine[field] = given[other][field]
    return Queries(_dealt(queries.profiles, _columns(fields, field), order), queries.histories, tuple(attributes))


def _dealt(rows: NDArray[np.float32], columns: NDArray[np.intp], order: NDArray[np.int64]) -> NDArray[np.float32]:
    """``rows`` (n, D) with ``columns`` taken from the rows in ``order`` (n,)."""
    out = rows.copy()
    out[:, columns] = rows[order][:, columns]
    return out


def _columns(fields: tuple[str, ...], field: str) -> NDArray[np.intp]:
    return np.flatnonzero(np.array(fields, dtype=object) == field)

"""The peers: what each is, on which slices it competes, and the grid it is tuned over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

from firstlight.evaluation.protocols import NEW_ITEM, NEW_USER, WARM
from peers.factors import Als, AlsRidge
from peers.hybrid import LightFm
from peers.neighbours import ContentKnn, Ease, ItemKnn
from peers.part import Asked, Matrix, Part
from peers.popularity import ContentPopularity, Popularity, Random, SegmentPopularity, segmentations

OVERALL = f"{NEW_ITEM} overall"
BOTH = f"{NEW_USER} × {NEW_ITEM}"
RANDOM = "random"
"""A check, no rival."""

MAX_DENSE = 10_000
"""Above this many items, peers that need a matrix of all pairs of items are left out."""

LARGE = 200_000
"""Above this many positive pairs the grids of peers that are trained step by step shrink."""

Setting = Mapping[str, Any]


class Peer(Protocol):
    """A method that ranks items."""

    def fit(self, part: Part, seed: int) -> None:
        """Learn."""

    def score(self, asked: Asked) -> Matrix:
        """(B, N), higher is better."""


@dataclass(frozen=True)
class Entry:
    """``slices`` it competes on; ``grid``: its settings for a part, none where it cannot play.

    Its figures are means over ``seeds`` fits, its setting is chosen on ``inner`` inner folds at most. ``blind``: it
    does not look at the history, so that one setting serves every number of interactions; the others need one
    interaction at least. ``largest``: items it can rank at most.
    """

    name: str
    make: Callable[..., Peer]
    slices: tuple[str, ...]
    grid: Callable[[Part], list[Setting]]
    seeds: int = 1
    inner: int = 5
    blind: bool = False
    largest: int | None = None

    def competes(self, slice_name: str, shown: int | None, items: int) -> bool:
        """Whether it has an answer here."""
        return slice_name in self.slices and (self.blind or shown != 0) and items <= (self.largest or items)


def _grid(**values: Iterable[Any]) -> Callable[[Part], list[Setting]]:
    settings = [dict(zip(values, found, strict=True)) for found in product(*values.values())]

    def of(part: Part) -> list[Setting]:
        return settings

    return of


def _with_text(**values: Iterable[Any]) -> Callable[[Part], list[Setting]]:
    """``words``: how much text weighs; more than one value only where there is text."""

    def of(part: Part) -> list[Setting]:
        words = ((0.0, 0.3) if part.content.shape[1] else (1.0,)) if part.words.shape[1] else (0.0,)
        return _grid(**values, words=words)(part)

    return of


def _segments(part: Part) -> list[Setting]:
    return _grid(segmentations=segmentations(part), strength=(300.0, 1000.0, 3000.0, 10_000.0, 30_000.0))(part)


def _als(part: Part) -> list[Setting]:
    factors = (64,) if _large(part) else (16, 32, 64)
    return _grid(factors=factors, regularization=(10.0, 30.0, 100.0), alpha=(1.0, 5.0))(part)


def _als_ridge(part: Part) -> list[Setting]:
    regularization, alpha = ((30.0,), (10.0,)) if _large(part) else ((3.0, 10.0, 30.0), (1.0, 10.0))
    return _with_text(factors=(64,), regularization=regularization, alpha=alpha, penalty=(3.0, 30.0))(part)


def _als_ridge_overall(part: Part) -> list[Setting]:
    alpha = (10.0,) if _large(part) else (1.0, 10.0)
    return _with_text(factors=(64,), regularization=(10.0, 30.0), alpha=alpha, penalty=(3.0,), scale=(1.0, 2.0, 4.0))(
        part
    )


def _hybrid(part: Part) -> list[Setting]:
    """For known users and items, and for new users by profile."""
    components, epochs = ((32,), (10,)) if _large(part) else ((16, 32), (15, 40))
    return _grid(
        components=components,
        epochs=epochs,
        user_ids=(True, False),
        item_ids=(True,),
        attributes=(True, False),
        words=(False,),
    )(part)


def _hybrid_new_item(part: Part) -> list[Setting]:
    """New items need attributes: the words of their text where there is nothing else."""
    components, epochs = ((32,), (10,)) if _large(part) else ((32, 64), (15, 40))
    text = bool(part.words.shape[1]) and not part.content.shape[1]
    return _grid(
        components=components,
        epochs=epochs,
        user_ids=(True,),
        item_ids=(True, False),
        attributes=(True,),
        words=(text,),
    )(part)


def _large(part: Part) -> bool:
    return bool(part.positives.nnz > LARGE)


PEERS = (
    Entry(RANDOM, Random, (NEW_ITEM, OVERALL, BOTH), _grid(), inner=1, blind=True),
    Entry("popularity", Popularity, (NEW_USER, OVERALL, WARM), _grid(), inner=1, blind=True),
    Entry("popularity by segment", SegmentPopularity, (NEW_USER,), _segments, blind=True),
    Entry(
        "content-predicted popularity",
        ContentPopularity,
        (NEW_ITEM, BOTH),
        _with_text(target=("votes", "root", "log"), penalty=(1.0, 10.0, 30.0, 100.0, 300.0)),
        blind=True,
    ),
    Entry(
        "content-predicted popularity",
        ContentPopularity,
        (OVERALL,),
        _with_text(target=("votes", "log"), penalty=(10.0, 100.0), scale=(1.0, 2.0, 4.0)),
        inner=2,
    ),
    Entry(
        "item-kNN",
        ItemKnn,
        (NEW_USER, WARM),
        _grid(neighbours=(20, 100, 10**9), shrink=(0.0, 10.0, 100.0)),
        inner=2,
    ),
    Entry(
        "EASE",
        Ease,
        (NEW_USER, OVERALL, WARM),
        _grid(penalty=(100.0, 300.0, 1000.0, 3000.0, 10_000.0, 30_000.0)),
        inner=2,
        largest=MAX_DENSE,
    ),
    Entry("ALS", Als, (NEW_USER, OVERALL, WARM), _als, inner=2),
    Entry("content-kNN", ContentKnn, (NEW_ITEM, BOTH), _with_text(rare=(False, True)), inner=2),
    Entry("ALS + ridge", AlsRidge, (NEW_ITEM, BOTH), _als_ridge, inner=3),
    Entry("ALS + ridge", AlsRidge, (OVERALL,), _als_ridge_overall, inner=2),
    Entry("LightFM", LightFm, (NEW_USER, WARM), _hybrid, seeds=3, inner=2, blind=True),
    Entry("LightFM", LightFm, (NEW_ITEM, OVERALL, BOTH), _hybrid_new_item, seeds=3, inner=2, blind=True),
)

__all__ = [
    "BOTH",
    "NEW_ITEM",
    "NEW_USER",
    "OVERALL",
    "PEERS",
    "RANDOM",
    "WARM",
    "Asked",
    "Entry",
    "Part",
    "Peer",
    "Setting",
]

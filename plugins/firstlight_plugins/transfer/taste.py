"""Who likes what, by content: a bilinear form between what a user did and what an item is, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from firstlight import Histories
from firstlight.learning import pool_sizes

Array = NDArray[np.float64]
SHOWN = (0, 1, 3, 5, 10, 20)
MAX_ITEMS = 20_000


@dataclass(frozen=True, slots=True)
class Space:
    """The items that a form is learnt over. ``content`` (N, C); ``share`` (N,): each one's part of all votes.

    ``centre`` (C,): the content of an average vote, which everything is measured from.
    """

    content: NDArray[np.float32]
    share: Array
    centre: Array

    @classmethod
    def of(cls, content: NDArray[np.float32], votes: Array) -> Space:
        """From expected ``votes`` (N,)."""
        share = votes / max(float(votes.sum()), 1e-12)
        return cls(content, share, share @ content)

    def covariance(self) -> Array:
        """(C, C) of the content of a vote, over the 20,000 most voted items."""
        top = np.argsort(-self.share, kind="stable")[:MAX_ITEMS]
        rows = self.content[top] - self.centre
        return np.asarray((rows * self.share[top, None]).T @ rows)


def contexts(
    space: Space, histories: Histories, profiles: NDArray[np.float32], *, positive_value: float, crowding: float
) -> Array:
    """(B, P + 2 C): profile, then Σ (content − centre) / √(k + crowding) over liked, and over disliked history."""
    liked = histories.positive(positive_value)
    width = np.sqrt(histories.lengths + crowding)[:, None]
    return np.concatenate([profiles, *(summed(space, histories, mask) / width for mask in (liked, ~liked))], axis=1)


def summed(space: Space, histories: Histories, mask: NDArray[np.bool_]) -> Array:
    """(B, C): Σ (content − centre) over the entries of each row where ``mask`` (n,) is true."""
    kept = histories.keep(mask)
    shape = (len(kept), len(space.content))
    rows = sparse.csr_array((np.ones(len(kept.items)), kept.items, kept.offsets), shape)
    return np.asarray(rows @ space.content - kept.lengths[:, None] * space.centre)


@dataclass(frozen=True, slots=True)
class Moments:
    """What the closed form needs: ``context`` (1 + E, 1 + E), ``item`` (C, C), ``both`` (1 + E, C).

    The first context column is 1: what people like more than their votes let expect, whoever they are. It takes that
    out of the form and is not kept.
    """

    context: Array
    item: Array
    both: Array

    @classmethod
    def of(
        cls,
        space: Space,
        histories: Histories,
        profiles: NDArray[np.float32],
        *,
        positive_value: float,
        crowding: float,
    ) -> Moments:
        """Each user asked after 0, 1, 3, ... interactions; the positives that follow are what was liked.

        As in the new-user protocol a user's first interactions are never what was liked. Users count by the square
        root of what they liked.
        """
        size = 1 + profiles.shape[1] + 2 * space.content.shape[1]
        context, both = np.zeros((size, size)), np.zeros((size, space.content.shape[1]))
        for shown in SHOWN:
            rows = np.flatnonzero(histories.lengths > shown)
            part = histories.take(rows)
            early = part.ranks() < shown
            first = np.maximum(shown, pool_sizes(part))[part.rows]
            later = part.positive(positive_value) & (part.ranks() >= first)
            asked = contexts(space, part.keep(early), profiles[rows], positive_value=positive_value, crowding=crowding)
            asked = np.column_stack([np.ones(len(rows)), asked])
            found = np.bincount(part.rows[later], minlength=len(rows))
            weight = 1 / np.sqrt(np.maximum(found, 1))
            context += (asked * (found * weight)[:, None]).T @ asked
            both += (asked * weight[:, None]).T @ summed(space, part, later)
        return cls(context, space.covariance(), both)


class Form:
    """Solves for the bilinear form at any strength, from one pair of eigendecompositions."""

    def __init__(self, moments: Moments) -> None:
        values, self._left = np.linalg.eigh(moments.context)
        others, self._right = np.linalg.eigh(moments.item)
        self._curvature = np.outer(values.clip(0), others.clip(0))
        self._slope = self._left.T @ moments.both @ self._right

    def solve(self, ridge: float, start: Array) -> Array:
        """(E, C): one Newton step of a multinomial logit from votes alone, pulled towards ``start`` (E, C).

        The Hessian of Σ log softmax(log share + x · W · content) at W = 0 is a Kronecker product of the two moments,
        so the minimum of its expansion plus ``ridge`` · |W − start|² is exact in their eigenvectors.
        """
        pulled = self._left.T @ np.concatenate([np.zeros((1, start.shape[1])), start]) @ self._right
        solved = (self._slope + ridge * pulled) / (self._curvature + ridge)
        return np.asarray(self._left @ solved @ self._right.T)[1:]

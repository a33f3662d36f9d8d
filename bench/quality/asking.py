"""One peer asked one case: the same lists, measured the same way, as the product's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from peers import Asked, Part, Peer

from firstlight.domain import Histories
from firstlight.evaluation.protocols import Case
from firstlight.training.metrics import NDCG_CUT, Array
from firstlight.training.problems import Quality

MAX_CELLS = 2_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One strategy in one case: NDCG@10 and recall@20 of each user, (B,); s and t, NaN where they do not arise."""

    users: np.ndarray
    ndcg: Array
    recall: Array
    new_share: float = float("nan")
    target_share: float = float("nan")


def ask(peer: Peer, case: Case, asked: Asked, part: Part) -> Answer:
    """Rank the case's items, or the whole catalogue, less the history.

    Where no items are held out, only those with an interaction in training are ranked: others are never targets.
    """
    items = np.arange(len(part.seen), dtype=np.int32) if case.only is None else case.only
    if case.new is None:
        items = items[part.seen[items]]
    size = max(1, MAX_CELLS // max(1, len(part.seen)))
    parts = []
    for start in range(0, len(asked), size):
        rows = slice(start, min(start + size, len(asked)))
        index = np.arange(rows.start, rows.stop)
        values = peer.score(asked.take(rows))[:, items].astype(np.float32)
        positions = np.broadcast_to(items, values.shape)
        values = np.where(case.histories.take(index).holding(positions), -np.inf, values)
        parts.append(Quality.of(values, positions, case.targets.take(index)))
    lists = np.concatenate([p.lists for p in parts])[:, :NDCG_CUT]
    return Answer(
        case.users,
        np.concatenate([p.ndcg for p in parts]),
        np.concatenate([p.recall for p in parts]),
        *_shares(case, lists, case.targets),
    )


def mean(answers: Sequence[Answer]) -> Answer:
    """Of several fits, user by user."""
    return Answer(
        answers[0].users,
        np.mean([a.ndcg for a in answers], axis=0),
        np.mean([a.recall for a in answers], axis=0),
        float(np.mean([a.new_share for a in answers])),
        answers[0].target_share,
    )


def _shares(case: Case, lists: np.ndarray, targets: Histories) -> tuple[float, float]:
    if case.new is None or case.only is not None:
        return float("nan"), float("nan")
    shown = lists >= 0
    return float((case.new[lists] & shown).sum() / max(1, shown.sum())), float(case.new[targets.items].mean())

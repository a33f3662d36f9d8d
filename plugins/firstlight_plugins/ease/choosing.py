"""The settings that are learnt, and the ladders on which they are searched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen on validation users.

    ``ridge`` and ``dropout``: the penalties of the regression. ``disliked``: what a disliked item counts, where a liked
    one counts 1. ``later``: the share of targets that counts only what came later. ``following``: the weight of what
    comes next. ``recency``: the power by which older interactions count less.
    """

    ridge: float = 1.0
    dropout: float = 3.0
    disliked: float = 0.3
    later: float = 0.3
    following: float = 0.0
    recency: float = 0.4


LADDERS: Mapping[str, tuple[float, ...]] = {
    "ridge": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
    "dropout": (0.0, 0.3, 1.0, 3.0, 10.0),
    "disliked": (0.0, 0.3, 0.6),
    "later": (0.0, 0.15, 0.3, 0.5, 1.0),
    "recency": (0.0, 0.2, 0.4, 0.8, 1.6),
    "following": (0.0, 0.3, 1.0, 3.0, 10.0),
}
"""Values in order, for each setting in the order of the walk."""
TIMED = ("later", "recency", "following")
"""Settings that are 0 where interactions have no times."""

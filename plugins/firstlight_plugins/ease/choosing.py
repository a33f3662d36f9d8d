"""The settings that are learnt, and a walk to the best of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace


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
LEAST_GAIN = 0.005
"""A step is taken where quality rises by this share: less is noise, and the start is a sound choice."""
TIMED = ("later", "recency", "following")
"""Settings that are 0 where interactions have no times."""


def walk(
    start: Choice,
    names: tuple[str, ...],
    measure: Callable[[Choice], float],
    *,
    stop: Callable[[], bool],
) -> tuple[Choice, float]:
    """From ``start``, one setting of ``names`` after the other: up its ladder, or else down, as long as that helps.

    ``stop()`` true ends the walk with the best so far.
    """
    best, quality = start, measure(start)
    for name in names:
        ladder, first = LADDERS[name], asdict(best)[name]
        for values in (ladder[ladder.index(first) + 1 :], ladder[: ladder.index(first)][::-1]):
            for value in values:
                tried = replace(best, **{name: value})
                found = quality if stop() else measure(tried)
                if found <= (1 + LEAST_GAIN) * quality:
                    break
                best, quality = tried, found
            if asdict(best)[name] != first:
                break
    return best, quality

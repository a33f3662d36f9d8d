"""A search of settings, one after the other, where each look is dear and the start is sound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LEAST_GAIN = 0.005
"""A step is taken where quality rises by this share: less is noise, and the start is a sound choice."""

T = TypeVar("T", bound="DataclassInstance")


def walk(
    start: T,
    ladders: Mapping[str, Sequence[Any]],
    names: Sequence[str],
    quality: Callable[[T], float],
    *,
    stop: Callable[[], bool],
) -> tuple[T, float]:
    """From ``start``, one field of ``names`` after the other: up its ladder, or else down, as long as that helps.

    ``ladders``: the values of each field in order, that of ``start`` among them. ``stop()`` true ends the walk with the
    best so far. Returns it and its quality.
    """
    best, found = start, quality(start)
    for name in names:
        ladder = ladders[name]
        at = ladder.index(getattr(best, name))
        for steps in (ladder[at + 1 :], ladder[:at][::-1]):
            gained = False
            for value in steps:
                tried = replace(best, **{name: value})
                worth = found if stop() else quality(tried)
                if worth <= (1 + LEAST_GAIN) * found:
                    break
                best, found, gained = tried, worth, True
            if gained:
                break
    return best, found

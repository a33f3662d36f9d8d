"""How the engine calls what plugins registered, without knowing what comes of a failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Attempt(Protocol):
    """``attempt(component, operation, function)``: the result of ``function``; None where the component is left out.

    Serving gives :class:`firstlight.pipeline.isolation.Batch`, which guards time, counts faults and names them.
    """

    def __call__(self, component: str, operation: str, function: Callable[[], T], /) -> T | None:
        """What ``function`` returns, or None."""
        ...

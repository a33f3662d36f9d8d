"""How a training run is done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """``preset``: small, base or large; ``device``: auto, cpu or cuda; ``time_budget_s`` bounds the whole run.

    ``force``: activate the bundle even where the gate refuses it. ``source``: the folder of another catalogue's bundle
    to start from.
    """

    preset: str = "small"
    seed: int = 0
    device: str = "auto"
    time_budget_s: float | None = None
    force: bool = False
    source: Path | None = None


def device_of(wanted: str) -> str:
    """``cpu`` or ``cuda``: the device that ``wanted`` (auto, cpu or cuda) means here."""
    if wanted == "cpu":
        return wanted  # components that train without torch need not wait for it
    from firstlight.learning import choose_device  # noqa: PLC0415  # torch

    return choose_device(wanted).type


class Clock:
    """What is left of a time budget; no budget leaves None."""

    def __init__(self, budget_s: float | None) -> None:
        self._end = None if budget_s is None else time.monotonic() + budget_s

    def share(self, fits: int) -> float | None:
        """Seconds for the next one of ``fits`` equal pieces of work, at least one."""
        return None if self._end is None else max(1.0, (self._end - time.monotonic()) / fits)

"""Whether a loaded bundle can answer: its files may be whole, and their hashes right, and what they hold wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from firstlight.domain import Histories, Queries
from firstlight.errors import CorruptBundleError, PluginError
from firstlight.pipeline.engine import Engine
from firstlight.runtime.serving import map_array

MOST_ITEMS = 2_000
"""Items that are asked about, spread evenly over the catalogue: a moment, however large it is."""

TOGETHER = 50
"""Candidates of one query, and the length of a history."""

T = TypeVar("T")


def rehearse(engine: Engine, path: Path) -> None:
    """Look at every weight of the bundle at ``path``, and let each component of ``engine``, loaded from it, answer.

    They propose, score and rank for made-up users: each profile column, and histories over the catalogue. Components
    that are not trusted are left alone: they are met by calls with a deadline, which go without them where they fail.

    Raises:
        CorruptBundleError: a weight is not finite (``metadata["file"]``); a component fails, as it does where a graph
            has another signature than its component, or answers a number that is not finite (``["component"]``).
    """
    trusted = [name for name in engine.model.names if engine.isolation.health(name).trusted]
    for folder in (path / "items", *(path / "components" / name for name in trusted)):
        for file in sorted(folder.rglob("*.npy")):
            _check_weights(engine.bundle_id, path, file)
    _answer(engine)


def _check_weights(bundle_id: str, path: Path, file: Path) -> None:
    weights, name = map_array(file), file.relative_to(path).as_posix()
    # The least and the greatest are NaN where one is: no copy of the array is made.
    if weights.dtype.kind == "f" and weights.size and not np.isfinite([weights.min(), weights.max()]).all():
        raise CorruptBundleError(
            f"bundle {bundle_id}: {name} holds a number that is not finite",
            metadata={"bundle_id": bundle_id, "file": name},
        )


def _answer(engine: Engine) -> None:
    def attempt(component: str, operation: str, function: Callable[[], T], /) -> T | None:
        if not engine.isolation.health(component).trusted:
            return None
        try:
            return function()
        except Exception as error:
            why = error if isinstance(error, PluginError) else type(error).__name__  # other texts may name paths
            raise CorruptBundleError(
                f"bundle {engine.bundle_id}: component {component} fails to {operation}: {why}",
                metadata={"bundle_id": engine.bundle_id, "component": component},
            ) from error

    size, columns = engine.model.items.base_size, len(engine.model.profile_fields)
    items = np.full(-(-min(size, MOST_ITEMS) // TOGETHER) * TOGETHER, -1, np.int32)
    items[: min(size, MOST_ITEMS)] = np.linspace(0, size - 1, min(size, MOST_ITEMS))
    shelves = items.reshape(-1, TOGETHER)
    strangers = max(len(shelves), columns + 1)
    asked = (
        (Queries(np.eye(strangers, columns, dtype=np.float32), Histories.empty(strangers)), np.arange(strangers)),
        (
            Queries(
                np.zeros((len(shelves), columns), np.float32),
                Histories.from_rows([shelf[shelf >= 0].tolist() for shelf in shelves]),
            ),
            np.arange(len(shelves)) + 1,  # another shelf than the one of the history, where there is one
        ),
    )
    for model in filter(None, (engine.routes.full, engine.routes.fast)):
        for queries, rows in asked:
            model.candidates(queries, attempt=attempt)
            model.rank(queries, shelves[rows % len(shelves)], attempt=attempt)

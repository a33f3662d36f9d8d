"""Whether a loaded bundle can answer: its files may be whole, and their hashes right, and what they hold wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from firstlight import __version__
from firstlight.bundle import Golden, Manifest
from firstlight.bundle.writing import source_of
from firstlight.domain import Histories, Queries
from firstlight.errors import CorruptBundleError, PluginError
from firstlight.pipeline.engine import Engine
from firstlight.pipeline.golden import check_golden
from firstlight.plugins import Attempt, Plugins
from firstlight.runtime.serving import map_array

MOST_ITEMS = 2_000
"""Items that are asked about, spread evenly over the catalogue: a moment, however large it is."""

TOGETHER = 50
"""Candidates of one query, and the length of a history."""

T = TypeVar("T")


def rehearse(engine: Engine, path: Path, plugins: Plugins) -> None:
    """Look at every weight of the bundle at ``path``, and let each component of ``engine``, loaded from it, answer.

    They answer its golden queries; of a bundle without any they propose, score and rank for made-up users: each profile
    column, and histories over the catalogue. Components that are not trusted are left alone: they are met by calls with
    a deadline, which go without them where they fail.

    Raises:
        CorruptBundleError: a weight is not finite (``metadata["file"]``); a component fails, as it does where a graph
            has another signature than its component, or answers a number that is not finite (``["component"]``); the
            answers to golden queries are others than those in the bundle.
    """
    trusted = [name for name in engine.model.names if engine.isolation.health(name).trusted]
    for folder in (path / "items", *(path / "components" / name for name in trusted)):
        for file in sorted(folder.rglob("*.npy")):
            _check_weights(engine.bundle_id, path, file)
    if not ask_golden(engine, path, plugins):
        _ask_made_up(engine)


def ask_golden(engine: Engine, path: Path, plugins: Plugins) -> bool:
    """Let ``engine``, which knows no live items yet, answer the golden queries of its bundle; whether it holds any.

    The answers must be those in the bundle, where the components that wrote these, and no other ones, answer.

    Raises:
        CorruptBundleError: as for :func:`rehearse`.
    """
    model = engine.model
    golden = Golden.read(path, items=model.items.base_size, columns=len(model.profile_fields))
    if golden is None:
        return False
    manifest = Manifest.read(path)
    same = manifest.firstlight == __version__ and not engine.absent
    same &= all(source_of(plugins, name) == source for name, source in manifest.components.items())
    same &= all(engine.isolation.health(name).trusted for name in (*model.names, model.ranker_name))
    check_golden(engine.bundle_id, golden, engine.routes, attempt=_strictly(engine), compare=same)
    return True


def _check_weights(bundle_id: str, path: Path, file: Path) -> None:
    weights, name = map_array(file), file.relative_to(path).as_posix()
    # The least and the greatest are NaN where one is: no copy of the array is made.
    if weights.dtype.kind == "f" and weights.size and not np.isfinite([weights.min(), weights.max()]).all():
        raise CorruptBundleError(
            f"bundle {bundle_id}: {name} holds a number that is not finite",
            metadata={"bundle_id": bundle_id, "file": name},
        )


def _strictly(engine: Engine) -> Attempt:
    """Leaves out who is not trusted, and nobody else."""

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

    return attempt


def _ask_made_up(engine: Engine) -> None:
    attempt = _strictly(engine)
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

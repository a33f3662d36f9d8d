"""How encoders lie on disk: one JSON file, and a ``.npy`` for each array."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight.errors import CorruptBundleError
from firstlight.features.columns import Bands, OneHot, Standard
from firstlight.features.plugged import Plugged
from firstlight.features.text import HashedText
from firstlight.features.vectors import Embed, Embedding, Text

FILE = "encoders.json"
Column = OneHot | Bands | Standard | Embedding | Text
"""Columns of one attribute."""
Block = Column | Plugged


def read(directory: Path) -> dict[str, Any]:
    """The saved JSON. Raises CorruptBundleError where there is none."""
    try:
        state: dict[str, Any] = json.loads((directory / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptBundleError(f"{directory.name}/{FILE} cannot be read") from error
    return state


def dump(block: Block, directory: Path, name: str) -> dict[str, Any]:
    """The JSON of one block; its arrays go to ``directory`` under ``name``."""
    if isinstance(block, Plugged):
        return block.dump(directory)
    state: dict[str, Any] = {"kind": type(block).__name__.lower(), "field": block.field}
    match block:
        case OneHot():
            return state | {"vocabulary": block.vocabulary}
        case Bands():
            return state | {"edges": block.edges, "labels": block.labels}
        case Standard():
            return state | {"mean": block.mean, "deviation": block.deviation}
        case Embedding():
            state["size"] = block.size
        case Text() if block.hashed is not None:
            state["idf"] = _store(block.hashed.idf, directory, f"{name}_idf.npy")
    if block.directions is not None:
        state["directions"] = _store(block.directions, directory, f"{name}_directions.npy")
    return state


def restore(state: dict[str, Any], directory: Path, embed: Embed | None) -> Column:
    """Inverse of :func:`dump` for columns that need no plugin."""
    field = state.get("field", "")
    match state["kind"]:
        case "onehot":
            return OneHot(field, tuple(state["vocabulary"]))
        case "bands":
            return Bands(field, tuple(state["edges"]), tuple(state["labels"]))
        case "standard":
            return Standard(field, state["mean"], state["deviation"])
        case "embedding":
            return Embedding(field, state["size"], _fetch(state.get("directions"), directory))
        case "text":
            directions = _fetch(state["directions"], directory)
            idf = _fetch(state.get("idf"), directory)
            assert directions is not None  # a text block always has them
            return Text(field, directions, embed) if idf is None else Text(field, directions, None, HashedText(idf))
    raise ValueError(f"unknown block {state['kind']!r}")


def _store(array: NDArray[np.float32], directory: Path, name: str) -> str:
    np.save(directory / name, array, allow_pickle=False)
    return name


def _fetch(name: str | None, directory: Path) -> NDArray[np.float32] | None:
    return None if name is None else np.load(directory / name, allow_pickle=False)

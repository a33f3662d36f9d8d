"""A bundle of fakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pluggy
import pytest

from firstlight.bundle import write_bundle
from firstlight.domain import Attribute, ItemTable, Kind, Schema
from firstlight.plugins import PluginInfo, Plugins, Registration

IDS = ["10", "2", "héllo", "日本", "a" * 256]
SCHEMA = Schema(users=(Attribute("age", Kind.NUMERIC),), items=(Attribute("tags", Kind.MULTI, "|"),), has_values=True)


def export_one(name: str, content: bytes = b"weights") -> Any:
    """Something whose export writes one file."""

    def export(directory: Path) -> None:
        (directory / f"{name}.bin").write_bytes(content)

    return SimpleNamespace(export=export, save=export, requires=(), format=1)


@pytest.fixture
def exporting() -> Callable[..., Any]:
    return export_one


@pytest.fixture
def ids() -> list[str]:
    return IDS


@pytest.fixture
def schema() -> Schema:
    return SCHEMA


@pytest.fixture
def plugins() -> Plugins:
    found = Plugins(pluggy.PluginManager("firstlight"))
    found.infos.append(PluginInfo("shop", "shop-distribution", "3.1"))
    found.registrations["popularity"] = Registration("popularity", "candidate_generator", "shop", dict)
    return found


@pytest.fixture
def write(tmp_path: Path, plugins: Plugins) -> Callable[..., Path]:
    def write(**changed: Any) -> Path:
        content = np.arange(len(IDS) * 3, dtype=np.float32).reshape(-1, 3)
        given: dict[str, Any] = {
            "bundle_id": "b1",
            "catalog_id": "shop",
            "schema": SCHEMA,
            "item_ids": IDS,
            "encoders": export_one("encoders"),
            "items": ItemTable(content, np.arange(len(IDS), dtype=np.int32)),
            "components": {"popularity": export_one("prior"), "other": export_one("other")},
            "ranker": export_one("fusion"),
            "metrics": {"popularity.ndcg": 0.25},
            "evaluation": {"slices": [{"name": "new-user k=0", "ndcg": [0.5, 0.25]}]},
            "dataset_token": 17,
            "plugins": plugins,
        }
        return write_bundle(tmp_path, **(given | changed))

    return write

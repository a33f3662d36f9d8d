"""Writing a bundle: whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from firstlight import __version__
from firstlight.bundle.golden import GOLDEN, Golden
from firstlight.bundle.ids import IdTable
from firstlight.bundle.manifest import FORMAT_OF_ROUTES, MANIFEST, SEAL, ComponentInfo, FastRoute, Manifest
from firstlight.bundle.verifying import describe_files, sha256
from firstlight.domain import ItemTable, Schema
from firstlight.plugins import Plugins
from firstlight.roles import Component, Ranker


class Encoders(Protocol):
    """What turns attributes into arrays (``firstlight.features.FeatureEncoders``)."""

    @property
    def format(self) -> int:
        """The first bundle format that holds them."""
        ...

    def save(self, directory: Path) -> None:
        """Write what is needed to load them again into ``directory``."""
        ...


Index = Callable[[Path, Iterable[str]], Mapping[str, float]]
"""Builds the vector indexes of the named components, whose folders are in a folder; how good they are, as metrics."""

AskGolden = Callable[[Path], Golden]
"""Loads what a bundle's folder holds but its hashes and golden queries, and asks it these."""


def write_bundle(
    root: Path,
    *,
    bundle_id: str,
    catalog_id: str,
    schema: Schema,
    item_ids: Sequence[str],
    encoders: Encoders,
    items: ItemTable,
    components: Mapping[str, Component],
    ranker: Ranker | None,
    ranker_name: str = "fusion",
    fast: FastRoute | None = None,
    fast_ranker: Ranker | None = None,
    metrics: Mapping[str, float],
    evaluation: Mapping[str, Any],
    dataset_token: int,
    plugins: Plugins,
    index: Index | None = None,
    golden: AskGolden | None = None,
) -> Path:
    """Write the bundle ``root/<catalog_id>/<bundle_id>`` and return its path.

    It appears under its name only when every file is on disk; whatever fails on the way leaves nothing.

    Args:
        root: the folder of all bundles, ``bundles`` in a home.
        bundle_id: a name that does not exist yet.
        catalog_id: whose bundle it is.
        schema: frozen into the bundle.
        item_ids: (N,), by position.
        encoders: those the components were fitted with.
        items: content (N, C) and counts (N,).
        components: fitted, by name.
        ranker: fitted; None where popularity alone ranks.
        ranker_name: the name it was registered under.
        fast: the fast route, None for none.
        fast_ranker: its ranker, of the same name.
        metrics: finite numbers by name.
        evaluation: JSON without NaN.
        dataset_token: the last change the training data hold.
        plugins: where the components came from.
        index: builds the vector indexes that the components will ask for; None: they are built when it is loaded.
        golden: asks what was written the queries that it keeps; None: it keeps none.
    """
    parent = root / catalog_id
    parent.mkdir(parents=True, exist_ok=True)
    target = parent / bundle_id
    if target.exists():
        raise FileExistsError(f"bundle {bundle_id} exists already")
    building = Path(tempfile.mkdtemp(prefix=f".{bundle_id}.", dir=parent))
    try:
        _write_items(building / "items", item_ids, items)
        encoders.save(_folder(building / "encoders"))
        for name, component in components.items():
            component.export(_folder(building / "components" / name))
        measured = index(building / "components", components) if index is not None else {}
        if ranker is not None:
            ranker.export(_folder(building / "ranker"))
        if fast is not None and fast_ranker is not None:
            fast_ranker.export(_folder(building / "fast"))
        manifest = Manifest(
            bundle_id=bundle_id,
            catalog_id=catalog_id,
            firstlight=__version__,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            schema=schema,
            dataset_token=dataset_token,
            items=len(item_ids),
            components={name: source_of(plugins, name) for name in components},
            ranker=ranker_name if ranker is not None else "",
            fast=fast,
            metrics={**metrics, **measured},
            evaluation=dict(evaluation),
            format=encoders.format if fast is None else FORMAT_OF_ROUTES,
        )
        if golden is not None:
            _write_manifest(building, manifest)
            found = golden(building)
            (building / MANIFEST).unlink()
            (building / GOLDEN).write_text(found.model_dump_json() + "\n", encoding="utf-8", newline="\n")
        _write_manifest(building, replace(manifest, files=describe_files(building)))
        (building / SEAL).write_text(sha256(building / MANIFEST) + "\n", encoding="ascii", newline="\n")
        building.chmod(0o755)
        _sync_tree(building)
        building.rename(target)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    _sync(parent)
    return target


def _write_items(directory: Path, ids: Sequence[str], items: ItemTable) -> None:
    _folder(directory)
    IdTable.of(ids).save(directory)
    np.save(directory / "content.npy", items.base_content.astype(np.float32, copy=False), allow_pickle=False)
    np.save(directory / "counts.npy", items.base_counts.astype(np.int32, copy=False), allow_pickle=False)


def _write_manifest(building: Path, manifest: Manifest) -> None:
    (building / MANIFEST).write_text(manifest.to_json(), encoding="utf-8", newline="\n")


def source_of(plugins: Plugins, component: str) -> ComponentInfo:
    """The plugin among ``plugins`` that makes ``component``; empty where none does."""
    registration = plugins.registrations.get(component)
    if registration is None:
        return ComponentInfo("", "")
    versions = {info.name: info.version for info in plugins.infos}
    return ComponentInfo(registration.plugin, versions.get(registration.plugin, ""))


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _sync_tree(root: Path) -> None:
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            _sync(Path(folder, name))
        _sync(Path(folder))


def _sync(path: Path) -> None:
    """Wait until ``path`` is on disk; Windows cannot do that for a folder and does not need it."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

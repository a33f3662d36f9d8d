"""Opening a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firstlight.bundle.ids import IdTable
from firstlight.bundle.manifest import Manifest
from firstlight.bundle.verifying import verify_bundle
from firstlight.domain import ItemTable
from firstlight.errors import CorruptBundleError


@dataclass(frozen=True, slots=True)
class Bundle:
    """An open bundle: mapped item arrays, and the folders that encoders, components and ranker load from."""

    path: Path
    manifest: Manifest
    ids: IdTable
    items: ItemTable

    @classmethod
    def open(cls, path: Path, *, verify: bool = True) -> Bundle:
        """Open the bundle at ``path``. ``verify`` reads all its bytes first; without it only shapes are checked.

        Raises:
            CorruptBundleError: naming the file; BUNDLE_FORMAT_UNSUPPORTED where the format is newer.
        """
        manifest = verify_bundle(path) if verify else Manifest.read(path)
        folder = path / "items"
        ids = IdTable.open(folder)
        try:
            content = np.asarray(np.load(folder / "content.npy", mmap_mode="r", allow_pickle=False))
            counts = np.asarray(np.load(folder / "counts.npy", mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise CorruptBundleError(f"bundle {path.name}: items cannot be read: {error}") from error
        if not len(ids) == len(content) == len(counts) == manifest.items or content.ndim != 2:
            raise CorruptBundleError(f"bundle {path.name}: items/content.npy and the ids do not fit together")
        return cls(path, manifest, ids, ItemTable(content, counts))

    @property
    def encoders(self) -> Path:
        """The folder of the feature encoders."""
        return self.path / "encoders"

    @property
    def ranker(self) -> Path:
        """The folder of the ranker; it exists where ``manifest.ranker`` is not empty."""
        return self.path / "ranker"

    @property
    def fast(self) -> Path:
        """The folder of the fast route's ranker; it exists where ``manifest.fast`` is not None."""
        return self.path / "fast"

    def component(self, name: str) -> Path:
        """The folder of one component."""
        return self.path / "components" / name

"""What a component is given when it loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import ItemTable
from firstlight.errors import CorruptBundleError
from firstlight.roles import Component, Runner, VectorIndex
from firstlight.runtime.index import open_index
from firstlight.runtime.sessions import open_session


@dataclass(frozen=True, slots=True)
class BundleRuntime:
    """A :class:`firstlight.roles.Runtime` over one bundle. ``components`` grows as they load, in order."""

    items: ItemTable
    components: Mapping[str, Component]
    threads: int = 1

    def session(self, path: Path) -> Runner:
        """An onnxruntime session on CUDA where there is a device, else on CPU."""
        return open_session(path, threads=self.threads)

    def array(self, path: Path) -> NDArray[np.generic]:
        """A read-only memory-mapped ``.npy``."""
        return map_array(path)

    def index(self, vectors: NDArray[np.float32]) -> VectorIndex:
        """An inner-product index over ``vectors`` (N, D)."""
        return open_index(vectors)


def map_array(path: Path) -> NDArray[np.generic]:
    """The array in the ``.npy`` at ``path``, read-only and memory-mapped.

    Raises:
        CorruptBundleError: it is no such file.
    """
    try:
        # A plain view: np.memmap adds microseconds to every access and nothing else.
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise CorruptBundleError(f"{path.name} cannot be read as an array: {error}") from error

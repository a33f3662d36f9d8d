"""What a component is given when it loads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import ItemTable
from firstlight.errors import CorruptBundleError
from firstlight.roles import Component, Runner, VectorIndex
from firstlight.runtime.index import FaissIndex, index_file, open_index
from firstlight.runtime.sessions import open_session


@dataclass(frozen=True, slots=True)
class BundleRuntime:
    """A :class:`firstlight.roles.Runtime` of one component of a bundle. ``components`` grows as they load, in order.

    ``folder``: the component's, where its indexes are kept; None for none.
    """

    items: ItemTable
    components: Mapping[str, Component]
    threads: int = 1
    folder: Path | None = None
    _asked: Iterator[int] = field(default_factory=count, repr=False)

    def session(self, path: Path) -> Runner:
        """An onnxruntime session on CUDA where there is a device, else on CPU."""
        return open_session(path, threads=self.threads)

    def array(self, path: Path) -> NDArray[np.generic]:
        """A read-only memory-mapped ``.npy``."""
        return map_array(path)

    def index(self, vectors: NDArray[np.float32]) -> VectorIndex:
        """An inner-product index over ``vectors`` (N, D): the bundle's, mapped, where it holds one."""
        built = index_file(self.folder, next(self._asked)) if self.folder else None
        return FaissIndex.mapped(built) if built and built.is_file() else open_index(vectors)


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

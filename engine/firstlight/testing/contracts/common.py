"""What every kit shares: the component under test, what it lacks, files without pickles, calls from many threads."""

from __future__ import annotations

import pickletools
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

TOLERANCE = 1e-5
"""Largest absolute or relative difference between two scores that must agree."""

THREADS = 8
ROUNDS = 5
PICKLES = frozenset({".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib"})

Factory = Callable[[], Any]
T = TypeVar("T")


class Contract:
    """Base of every kit. ``component`` is a class or a function without arguments that makes a new component.

    ``capabilities`` are what a component of the role may offer beyond its methods. Each is tested, unless ``lacks``
    names it with a reason, which becomes the reason of the skip.
    """

    component: ClassVar[Factory]
    capabilities: ClassVar[frozenset[str]] = frozenset()
    lacks: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def make(cls) -> Any:
        """A new component."""
        return cls.component()

    def test_what_it_lacks_has_a_reason(self) -> None:
        """``lacks`` names capabilities of the role, and says why."""
        for name, reason in self.lacks.items():
            known = ", ".join(sorted(self.capabilities)) or "none"
            assert name in self.capabilities, f"no capability is named {name!r}; there are: {known}"
            assert reason.strip(), f"say why it lacks {name!r}"

    @classmethod
    def need(cls, capability: str, *, offered: bool | None = None) -> None:
        """Skip where the component lacks ``capability``; fail where it neither offers it nor says why.

        ``offered``: whether the component visibly has it; None where only the test itself can tell.
        """
        reason = cls.lacks.get(capability)
        if reason is None:
            if offered is False:
                pytest.fail(f"it offers no {capability}; say why: lacks = {{{capability!r}: '...'}}")
            return
        if offered:
            pytest.fail(f"it offers {capability}, which `lacks` denies")
        pytest.skip(reason)


def close(found: NDArray[Any], wanted: NDArray[Any], what: str = "") -> None:
    """Fail unless both agree within 1e-5, absolute or relative."""
    np.testing.assert_allclose(found, wanted, atol=TOLERANCE, rtol=TOLERANCE, err_msg=what)


def assert_no_pickle(directory: Path) -> None:
    """Fail where a file below ``directory`` is a pickle, or holds one."""
    for path in sorted(directory.rglob("*")):
        if not path.is_file():
            continue
        assert path.suffix not in PICKLES, f"{path.name} is a pickle by its name"
        if path.suffix in {".npy", ".npz"}:
            _assert_plain_arrays(path)
        elif zipfile.is_zipfile(path):
            held = [name for name in zipfile.ZipFile(path).namelist() if Path(name).suffix in PICKLES]
            assert not held, f"{path.name} holds the pickle {held[0]}"
        else:
            assert not _is_pickle(path.read_bytes()), f"{path.name} is a pickle"


def _assert_plain_arrays(path: Path) -> None:
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.lib.npyio.NpzFile):
            for name in found.files:
                _ = found[name]
            found.close()
    except ValueError as error:
        pytest.fail(f"{path.name} holds Python objects: {error}")


def _is_pickle(data: bytes) -> bool:
    if not data.endswith(b"."):
        return False
    try:
        for _ in pickletools.genops(data):
            pass
    except Exception:  # whatever is wrong with it, it is no pickle
        return False
    return True


def from_many_threads(call: Callable[[int], T], *, arguments: int) -> list[tuple[int, T]]:
    """``(n, call(n))`` for n below ``arguments``, several times each, from 8 threads that start at once.

    Threads are switched as often as Python allows, so that state kept on the component between two lines shows.
    """
    barrier = threading.Barrier(THREADS)
    found: list[tuple[int, T]] = []
    failures: list[BaseException] = []

    def work(thread: int) -> None:
        barrier.wait()
        try:
            for turn in range(ROUNDS):
                n = (thread + turn) % arguments
                found.append((n, call(n)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    if failures:
        raise failures[0]
    return found


@contextmanager
def left_alone(*arrays: NDArray[Any]) -> Iterator[None]:
    """Fail where the block changes one of ``arrays``."""
    before = [array.copy() for array in arrays]
    yield
    for array, copy in zip(arrays, before, strict=True):
        same = np.array_equal(array, copy, equal_nan=array.dtype.kind == "f")
        assert same, "it changed an array that it was given"


def each_alone(size: int) -> Sequence[NDArray[np.int64]]:
    """The row numbers 0 … ``size`` − 1, one array each."""
    return [np.array([n]) for n in range(size)]

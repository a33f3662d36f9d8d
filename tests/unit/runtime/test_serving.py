"""What a component is given when it loads."""

from pathlib import Path

import numpy as np
import pytest

from firstlight.domain import ItemTable
from firstlight.errors import CorruptBundleError
from firstlight.roles import Runtime
from firstlight.runtime import BundleRuntime

ITEMS = ItemTable(np.zeros((3, 2), np.float32), np.zeros(3, np.int32))


def test_it_is_a_runtime():
    runtime: Runtime = BundleRuntime(ITEMS, {})
    assert runtime.items is ITEMS


@pytest.mark.parametrize("shape", [(4, 2), (0, 2), (4, 0)])
def test_arrays_are_mapped_read_only(tmp_path: Path, shape):
    np.save(tmp_path / "a.npy", np.ones(shape, np.float32))
    found = BundleRuntime(ITEMS, {}).array(tmp_path / "a.npy")
    np.testing.assert_array_equal(found, np.ones(shape))
    assert not found.flags.writeable
    assert found.base is not None


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_array_is_refused_by_name(tmp_path: Path, content: bytes):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(CorruptBundleError, match=r"a\.npy"):
        BundleRuntime(ITEMS, {}).array(tmp_path / "a.npy")


def test_a_pickle_is_never_loaded(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(CorruptBundleError, match=r"a\.npy"):
        BundleRuntime(ITEMS, {}).array(tmp_path / "a.npy")

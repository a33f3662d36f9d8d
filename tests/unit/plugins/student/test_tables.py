import numpy as np
import pytest

from firstlight import ItemTable
from firstlight.runtime import BundleRuntime
from firstlight_plugins.student.tables import KINDS, Bytes, Largest, Whole, load, save, whole

TABLE = np.random.default_rng(0).standard_normal((50, 6)).astype(np.float32)
TABLE[7] = 0


def made(variant):
    return KINDS[variant].of(TABLE, 0.5)


@pytest.mark.parametrize("variant", KINDS)
def test_products_are_those_of_the_rows_and_survive_a_file(variant, tmp_path):
    table = made(variant)
    state = np.arange(6, dtype=np.float32)
    at = np.array([3, 7, 3, 49], np.int32)
    np.testing.assert_allclose(table.products(at, state), table.rows(at) @ state, rtol=1e-5, atol=1e-6)
    save(table, tmp_path, "items")
    runtime = BundleRuntime(ItemTable(np.zeros((1, 1), np.float32), np.zeros(1, np.int32)), {})
    again = load(variant, tmp_path, "items", runtime)
    assert len(again) == len(TABLE)
    np.testing.assert_array_equal(whole(again), whole(table))
    assert table.rows(at.reshape(2, 2)).shape == (2, 2, 6)


def test_bytes_are_within_half_a_step_of_each_row():
    table = made("int8")
    step = np.abs(TABLE).max(axis=1, keepdims=True) / 127
    assert table.values.dtype == np.int8
    assert (np.abs(whole(table) - TABLE) <= step / 2 + 1e-7).all()


def test_largest_keeps_the_largest_entries_and_zeroes_the_others():
    found = whole(made("pruned"))
    kept = found != 0
    assert (kept.sum(axis=1)[np.arange(50) != 7] == 3).all()
    np.testing.assert_array_equal(found[kept], TABLE[kept])
    assert (np.abs(TABLE)[~kept].reshape(-1).max()) <= np.abs(TABLE).max()
    smallest_kept = np.where(kept, np.abs(TABLE), np.inf).min(axis=1)
    largest_lost = np.where(kept, 0, np.abs(TABLE)).max(axis=1)
    assert (smallest_kept >= largest_lost).all()


@pytest.mark.parametrize("kind", [Whole, Bytes, Largest])
def test_a_table_without_rows_is_no_fault(kind):
    assert whole(kind.of(np.zeros((0, 4), np.float32), 1.0)).shape == (0, 4)

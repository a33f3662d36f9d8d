"""Ids by position and back, without Python objects."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from firstlight.bundle import IdTable, ids as module
from firstlight.errors import CorruptBundleError


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12), unique=True))
def test_every_id_finds_its_position_and_back(ids: list[str]):
    table = IdTable.of(ids)
    assert table.position_of(ids).tolist() == list(range(len(ids)))
    assert [table.id_of(n) for n in range(len(ids))] == ids
    assert len(table) == len(ids)


def test_unknown_ids_are_minus_one_in_their_place():
    table = IdTable.of(["a", "b", "c"])
    found = table.position_of(["c", "x", "a", "", "a", "\ud800"])
    assert found.tolist() == [2, -1, 0, -1, 0, -1]
    assert found.dtype == np.int32


def test_no_ids_find_nothing():
    assert IdTable.of([]).position_of(["a"]).tolist() == [-1]
    assert IdTable.of(["a"]).position_of([]).tolist() == []


def test_ids_compare_byte_by_byte():
    table = IdTable.of(["1", "01", "é", "e\u0301"])
    assert table.position_of(["01", "1", "e\u0301", "é"]).tolist() == [1, 0, 3, 2]


def test_ids_with_one_hash_are_told_apart_by_their_bytes(monkeypatch):
    monkeypatch.setattr(module, "_hashes", lambda ids: np.array([len(one) for one in ids], np.uint64))
    ids = ["bb", "a", "cc", "aa", "d"]
    table = IdTable.of(ids)
    assert table.position_of([*ids, "zz", "e", "fff"]).tolist() == [0, 1, 2, 3, 4, -1, -1, -1]


def test_a_saved_table_is_mapped_not_read(tmp_path: Path):
    IdTable.of(["x", "y"]).save(tmp_path)
    table = IdTable.open(tmp_path)
    assert isinstance(table.text.base, np.memmap)
    assert table.position_of(["y", "x"]).tolist() == [1, 0]


def test_tables_that_do_not_fit_together_are_refused(tmp_path: Path):
    IdTable.of(["x", "y"]).save(tmp_path)
    np.save(tmp_path / "order.npy", np.zeros(1, np.int32))
    with pytest.raises(CorruptBundleError, match="fit together"):
        IdTable.open(tmp_path)

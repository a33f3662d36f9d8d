"""The vector index against plain matrix products."""

from pathlib import Path

import numpy as np
import pytest

from firstlight.errors import CorruptBundleError
from firstlight.runtime import FaissIndex, index as module, open_index

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(300, 8)).astype(np.float32)
QUERIES = RNG.normal(size=(5, 8)).astype(np.float32)


def test_exact_search_finds_the_largest_inner_products():
    products = QUERIES @ VECTORS.T
    expected = np.argsort(-products, axis=1)[:, :10]
    found = open_index(VECTORS).search(QUERIES, 10)
    np.testing.assert_array_equal(found.positions, expected)
    np.testing.assert_allclose(found.scores, np.take_along_axis(products, expected, axis=1), rtol=1e-5)
    assert found.positions.dtype == np.int32


def test_batch_equals_single():
    index = open_index(VECTORS)
    together = index.search(QUERIES, 7).positions
    alone = np.concatenate([index.search(q[None], 7).positions for q in QUERIES])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize(
    ("queries", "limit", "shape"), [(QUERIES, 0, (5, 0)), (QUERIES, 10**9, (5, 300)), (QUERIES[:0], 3, (0, 0))]
)
def test_edges(queries, limit, shape):
    assert open_index(VECTORS).search(queries, limit).positions.shape == shape


def test_no_vectors_give_no_items():
    assert open_index(np.zeros((0, 4), np.float32)).search(np.ones((2, 4), np.float32), 5).positions.shape == (2, 0)


@pytest.fixture(scope="module")
def table():
    """4,000 vectors around 40 centres, some of them much longer than others."""
    centres = RNG.normal(size=(40, 8)) * RNG.uniform(1, 8, (40, 1))
    return (centres[np.arange(4000) % 40] + RNG.normal(size=(4000, 8))).astype(np.float32)


def test_a_large_table_is_searched_in_clusters_with_high_recall(monkeypatch, table):
    monkeypatch.setattr(module, "EXACT_LIMIT", 1000)
    exact = FaissIndex.exact(table).search(QUERIES, 20).positions
    found = open_index(table).search(QUERIES, 20).positions
    recall = np.mean([len(set(a) & set(b)) / 20 for a, b in zip(exact, found, strict=True)])
    assert recall > 0.95


def test_as_few_clusters_are_searched_as_find_enough(monkeypatch, table):
    index, best = FaissIndex.clustered(table), FaissIndex.exact(table).search(QUERIES, 100).positions
    probes, recall = index.probe(QUERIES, best)
    assert recall >= module.LEAST_RECALL
    monkeypatch.setattr(module, "LEAST_RECALL", 1.1)
    most, _ = index.probe(QUERIES, best)
    assert probes < most == module.PROBES[-1]
    found = index.search(QUERIES, 100)  # in every cluster: what 16 bits lose is left
    np.testing.assert_allclose(found.scores, np.take_along_axis(QUERIES @ table.T, best, axis=1), rtol=1e-2)


def test_a_saved_index_is_mapped_and_finds_the_same(tmp_path, table):
    index, file = FaissIndex.clustered(table), tmp_path / "index.faiss"
    index.probe(QUERIES, FaissIndex.exact(table).search(QUERIES, 100).positions)
    index.save(file)
    mapped = FaissIndex.mapped(file)
    np.testing.assert_array_equal(mapped.search(QUERIES, 30).positions, index.search(QUERIES, 30).positions)
    assert str(file) in Path("/proc/self/maps").read_text()


def test_a_damaged_index_is_refused_by_name(tmp_path):
    (tmp_path / "index.faiss").write_bytes(b"nothing of the kind")
    with pytest.raises(CorruptBundleError, match=r"^index\.faiss cannot be read"):
        FaissIndex.mapped(tmp_path / "index.faiss")

"""The vector index against plain matrix products."""

import numpy as np
import pytest

from firstlight.runtime import index as module, open_index

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


def test_a_large_table_is_searched_in_clusters_with_high_recall(monkeypatch):
    monkeypatch.setattr(module, "EXACT_LIMIT", 1000)
    centres = RNG.normal(size=(40, 8)) * 4
    table = (centres[np.arange(4000) % 40] + RNG.normal(size=(4000, 8))).astype(np.float32)
    exact = np.argsort(-(QUERIES @ table.T), axis=1)[:, :20]
    found = open_index(table).search(QUERIES, 20).positions
    recall = np.mean([len(set(a) & set(b)) / 20 for a, b in zip(exact, found, strict=True)])
    assert recall > 0.9

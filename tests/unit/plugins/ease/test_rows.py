import numpy as np
import pytest
from scipy import sparse

from firstlight_plugins.ease.rows import strongest, totals, votes

WEIGHTS = np.array([[0, 3, -4, 1], [0, 0, 0, 0], [1, -2, 0, 0.5], [5, 0, 0, 0]], np.float32)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_the_entries_farthest_from_0_are_kept(kind) -> None:
    found = strongest(kind(WEIGHTS), 2)
    np.testing.assert_array_equal(found.toarray(), [[0, 3, -4, 0], [0, 0, 0, 0], [1, -2, 0, 0], [5, 0, 0, 0]])
    assert found.nnz == 5
    assert found.has_sorted_indices
    assert [found.data.dtype, found.indices.dtype] == [np.float32, np.int32]
    np.testing.assert_array_equal(strongest(kind(WEIGHTS), 9).toarray(), WEIGHTS)


def test_a_history_adds_up_its_rows() -> None:
    weights, history = sparse.csr_array(WEIGHTS), np.array([2, 0], np.int32)
    everything = np.arange(4, dtype=np.int32)
    np.testing.assert_array_equal(votes(weights, history).parts(everything, 4), WEIGHTS[history])
    found = totals(weights, history, np.array([1.0, 0.5], np.float32))
    np.testing.assert_allclose(found.at(everything), WEIGHTS[2] + 0.5 * WEIGHTS[0])
